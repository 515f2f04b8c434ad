"""`leanserve audit` on a real Redis."""

import json
import time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from app.cli.root import cli
from app.errors import ConfigError
from tests.unit.audit.booked import book, moved, since_start
from tests.unit.audit.honest import questions
from tests.unit.audit.traffic import POLICY, SINS, Traffic

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """ci.yaml with the prices of the seeded traffic."""
    document = yaml.safe_load((CONFIGS / "ci.yaml").read_text())
    prices = {name: {part: str(usd) for part, usd in price.items()} for name, price in POLICY["prices"].items()}
    document["applications"][0]["deployments"][0]["user_config"] = {**POLICY, "prices": prices}
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture
def seeded(clean_redis: str) -> Traffic:
    """Every sin, in the day that ends now."""
    traffic = Traffic(1)
    for sin in SINS.values():
        sin(traffic)
    book(clean_redis, moved(traffic.records, since_start(time.time() - 60)))
    return traffic


def shell(redis_url: str, *words: str) -> Result:
    """What came of it."""
    return CliRunner().invoke(cli, ["audit", *words], env={"REDIS_URL": redis_url, "COLUMNS": "200"})


def test_json_for_machines(seeded: Traffic, clean_redis: str, config: Path) -> None:
    """All seven, each within a tenth, and the parts sum to the whole."""
    done = shell(clean_redis, "--config", str(config), "--tenant", "acme", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["requests"] == len(seeded.records)
    priced = {each["sin"]: round(float(each["usd"]) * 1_000_000) for each in found["findings"]}
    assert priced == {sin: pytest.approx(truth, rel=0.1) for sin, truth in seeded.truth.items()}
    parts = sum(round(float(each["compound_usd"]) * 1_000_000) for each in found["findings"])
    assert parts == round(float(found["compound_usd"]) * 1_000_000)


def test_words_for_people(seeded: Traffic, clean_redis: str, config: Path) -> None:
    """What each costs, where, by which rule, and the change; of each finding some requests that show it."""
    done = shell(clean_redis, "--config", str(config), "--tenant", "acme")
    assert done.exit_code == 0, done.output
    for word in ("Agent loops", "Context amnesia", "Counted:", "Assumed:", "named: ceiling", "all of them", "req-"):
        assert word in done.stdout
    assert "Traceback" not in done.output


def test_a_page(seeded: Traffic, clean_redis: str, config: Path, tmp_path: Path) -> None:
    """That needs nothing else, and in which a client's names are text."""
    hostile = Traffic(2)
    SINS["retry_spiral"](hostile)
    book(clean_redis, moved(hostile.records, since_start(time.time() - 60), feature="<script>alert(1)</script>"))
    path = tmp_path / "audit.html"
    done = shell(clean_redis, "--config", str(config), "--tenant", "acme", "--html", str(path))
    assert done.exit_code == 0, done.output
    text = path.read_text()
    assert "Retry spiral" in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script" not in text
    assert "://" not in text


def test_honest_traffic(clean_redis: str, config: Path) -> None:
    """It says so in a sentence."""
    traffic = Traffic(1)
    questions(traffic)
    book(clean_redis, moved(traffic.records[:200], since_start(time.time() - 60)))
    done = shell(clean_redis, "--config", str(config), "--tenant", "acme")
    assert done.exit_code == 0
    assert "No sin stands." in done.stdout


def test_the_audit_of_an_export(seeded: Traffic, clean_redis: str, config: Path, tmp_path: Path) -> None:
    """Without any Redis: what is found, its price and its examples are those of the ledger that was exported."""
    folder, said = tmp_path / "export", ["--config", str(config), "--json"]
    live = json.loads(shell(clean_redis, *said, "--tenant", "acme", "--since", "6d").stdout)
    exporting = ["export", "--tenant", "acme", "--since", "6d", "--output", str(folder), "--redis-url", clean_redis]
    assert CliRunner().invoke(cli, exporting).exit_code == 0
    nowhere = "redis://127.0.0.1:1"
    done = shell(nowhere, *said, "--from", str(folder), "--since", "6d")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    varying = {"since", "until"}
    assert {name: found[name] for name in found.keys() - varying} == {
        name: live[name] for name in live.keys() - varying
    }
    assert found["findings"]
    whole = json.loads(shell(nowhere, *said, "--from", str(folder)).stdout)
    assert whole["requests"] == live["requests"]
    assert live["since"] < whole["since"] < whole["until"] <= live["until"]
    assert json.loads(shell(nowhere, *said, "--from", str(folder), "--tenant", "rival").stdout)["requests"] == 0


@pytest.mark.parametrize("name", ["requests.parquet", "attempts.parquet"])
def test_what_is_no_export_is_said_to_be_none(config: Path, tmp_path: Path, name: str) -> None:
    """A folder without files, and one with something else in them."""
    assert shell("redis://127.0.0.1:1", "--config", str(config), "--from", str(tmp_path)).exit_code != 0
    (tmp_path / name).write_bytes(b"no parquet")
    result = shell("redis://127.0.0.1:1", "--config", str(config), "--from", str(tmp_path))
    assert isinstance(result.exception, ConfigError)


def test_a_window(seeded: Traffic, clean_redis: str, config: Path) -> None:
    """Of an hour, and of no more records than are allowed."""
    hour = json.loads(shell(clean_redis, "--config", str(config), "--tenant", "acme", "--since", "1h", "--json").stdout)
    assert 0 < hour["requests"] < len(seeded.records) / 10
    few = json.loads(shell(clean_redis, "--config", str(config), "--tenant", "acme", "--most", "50", "--json").stdout)
    assert (few["requests"], few["truncated"]) == (50, True)
    assert "ends at" in shell(clean_redis, "--config", str(config), "--tenant", "acme", "--most", "50").stdout
    assert shell(clean_redis, "--config", str(config), "--since", "soon").exit_code != 0
    assert "no request of this tenant" in shell(clean_redis, "--config", str(config), "--tenant", "nobody").stdout
