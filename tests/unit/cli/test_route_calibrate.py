"""`leanserve route calibrate`: from a file or from Redis to a policy file, and never more than that."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from app.cli.root import cli
from app.config.gateway import StoreSpec
from app.config.load import load_policy
from app.learn.records import Compared, Outcome
from app.store.client import open_store
from app.store.embedded import EmbeddedRedis
from tests.unit.learn.made import ended, journal_of

BASE = """\
# mine
version: "7"
prices: {small: {input: "0.10", output: 1}, large: {input: 1, output: 2}}
routing:
  margin: 0.05
  thresholds: {small: 0.4}
  calibration: {large: {slope: 1.1, intercept: 0.2}}
features:
  faq: {routing: {thresholds: {small: 0.6}}}
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["route", "calibrate", *map(str, arguments)])


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def overrated(n: int, tier: str = "small", seed: int = 0) -> list[dict[str, Any]]:
    """Outcomes of a tier that does worse than the head thinks."""
    source = np.random.default_rng(seed)
    p = source.uniform(0.3, 0.95, n)
    return [
        {"tier": tier, "p": float(a), "success": bool(b)} for a, b in zip(p, source.random(n) < p * 0.7, strict=True)
    ]


def both(n: int) -> list[dict[str, Any]]:
    """Requests on both tiers: above 0.25 the small one fails."""
    rows = []
    for number in range(n):
        score = (number + 0.5) / n
        rows.append({"id": number, "tier": "small", "p": 1 - score, "score": score, "success": score < 0.25})
        rows.append({"id": number, "tier": "large", "p": 0.95, "score": score, "success": True})
    return rows


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (path := tmp_path / "base.yaml").write_text(BASE)
    return path


def test_a_file_of_outcomes_becomes_a_fragment_of_policy(tmp_path: Path) -> None:
    """Slope and intercept of the tier that has evidence, with the evidence as comments; thresholds stay as they are."""
    output = tmp_path / "out.yaml"
    done = run("--input", write(tmp_path / "in", overrated(2_000) + overrated(10, "large")), "--output", output)
    assert done.exit_code == 0, done.output
    assert "large: 10 outcomes: too little evidence, left alone" in done.stdout
    assert "thresholds: left alone" in done.stdout
    found = load_policy(output).routing
    assert set(found.calibration) == {"small"}
    assert found.calibration["small"].intercept < -0.5
    assert list(yaml.safe_load(output.read_text())) == ["routing"]
    assert "# small: 2,000 outcomes: slope" in output.read_text()


def test_too_little_evidence_writes_nothing(tmp_path: Path) -> None:
    """Status 1, and the words for it."""
    output = tmp_path / "out.yaml"
    done = run("--input", write(tmp_path / "in", overrated(30)), "--output", output)
    assert done.exit_code == 1
    assert "nothing is written" in done.stdout
    assert not output.exists()


def test_the_policy_in_force_is_merged_and_not_touched(tmp_path: Path, base: Path) -> None:
    """All of it is in the output, prices to the digit; the file itself is only read."""
    output = tmp_path / "out.yaml"
    done = run("--input", write(tmp_path / "in", overrated(2_000)), "--output", output, "--policy", base)
    assert done.exit_code == 0, done.output
    assert base.read_text() == BASE
    old, new = load_policy(base), load_policy(output)
    assert new.prices == old.prices
    assert (new.version, new.routing.margin, new.features) == ("7", 0.05, old.features)
    assert new.routing.thresholds == {"small": 0.4}
    assert new.routing.calibration["large"] == old.routing.calibration["large"]
    assert "small" in new.routing.calibration


def test_a_policy_may_be_its_own_output(tmp_path: Path, base: Path) -> None:
    """Asked for so, it is replaced whole."""
    done = run("--input", write(tmp_path / "in", overrated(2_000)), "--output", base, "--policy", base)
    assert done.exit_code == 0, done.output
    assert "small" in load_policy(base).routing.calibration


def test_a_feature_has_a_part_of_its_own(tmp_path: Path, base: Path) -> None:
    """What holds there is what the general policy and the feature's say together."""
    output, source = tmp_path / "out.yaml", write(tmp_path / "in", overrated(2_000))
    done = run("--input", source, "--output", output, "--policy", base, "--feature", "faq")
    assert done.exit_code == 0, done.output
    new, old = load_policy(output), load_policy(base)
    assert new.routing == old.routing
    own = new.for_feature("faq").routing
    assert set(own.calibration) == {"small", "large"}
    assert (own.thresholds, own.margin) == ({"small": 0.6}, 0.05)


def test_thresholds_move_where_both_tiers_are_known(tmp_path: Path) -> None:
    """To where the cheaper one begins to fail."""
    output = tmp_path / "out.yaml"
    done = run("--input", write(tmp_path / "in", both(2_000)), "--output", output, "--tiers", "small,large")
    assert done.exit_code == 0, done.output
    assert load_policy(output).routing.thresholds["small"] == pytest.approx(0.255, abs=0.005)
    assert "with 95% confidence at most" in done.stdout


def test_a_policy_that_is_none_is_told_before_anything_is_read(tmp_path: Path) -> None:
    """With the place in it."""
    (path := tmp_path / "policy.yaml").write_text("routing: {thresholdz: {}}")
    done = run("--input", write(tmp_path / "in", overrated(10)), "--output", tmp_path / "o", "--policy", path)
    assert done.exit_code == 1
    assert "routing.thresholdz" in str(done.exception)


def test_a_malformed_line_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    """With its file."""
    source = write(tmp_path / "in", [*overrated(100), {"tier": "small", "success": True}])
    done = run("--input", source, "--output", tmp_path / "o")
    assert done.exit_code == 1
    assert f"{source}: line 101" in str(done.exception)
    assert not (tmp_path / "o").exists()


def test_something_must_be_named() -> None:
    """A file, or a tenant."""
    done = run("--output", "x")
    assert done.exit_code == 1
    assert "--input, --tenant or both" in str(done.exception)


def test_records_and_outcomes_of_a_tenant_are_read(tmp_path: Path, clean_redis: str) -> None:
    """Of one feature where it is named; another tenant's never."""
    asyncio.run(_used(clean_redis))
    output = tmp_path / "out.yaml"
    options = ("--tenant", "acme", "--redis-url", clean_redis, "--output", output)
    done = run(*options)
    assert done.exit_code == 0, done.output
    assert "small: 400 outcomes, 100 comparisons" in done.stdout
    assert "threshold of small: 400 requests" in done.stdout
    done = run(*options, "--feature", "faq")
    assert "small: 200 outcomes, 50 comparisons" in done.stdout
    assert "faq" in load_policy(output).features
    done = run("--tenant", "nobody", "--redis-url", clean_redis, "--output", tmp_path / "none")
    assert done.exit_code == 1
    assert "no outcomes: every tier keeps its calibration" in done.stdout


def test_the_redis_of_leanserve_up_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows its port: without an address the one that runs in the home is read."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    with EmbeddedRedis(tmp_path / "redis") as server:
        asyncio.run(_used(server.url))
        done = run("--tenant", "acme", "--home", tmp_path, "--output", tmp_path / "out")
    assert "small: 400 outcomes, 100 comparisons" in done.stdout


async def _used(url: str) -> None:
    """500 routed requests of two features: each was shadowed, 400 have an outcome, most of them bad."""
    store = await open_store(url, StoreSpec(timeout_s=5))
    journal = journal_of(store)
    for number in range(500):
        journal.note(ended(f"req-{number}", feature="faq" if number % 2 else "chat", score=0.001 * (number % 300)))
    await journal.flush()
    for number in range(500):
        agrees = number % 3 == 0
        told = Compared("small", "large", "same" if agrees else "different")
        await journal.compared("acme", f"req-{number}", told)
        if number < 400:
            await journal.report("acme", f"req-{number}", "solved", Outcome(agrees))
    await store.close()
