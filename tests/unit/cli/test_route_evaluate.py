"""`leanserve route evaluate`."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.root import cli
from app.embed.source import WHEEL, packaged
from app.errors import ConfigError

ROWS = [
    {"prompt": "Say hello", "scores": {"small": 1, "large": 1}, "domain": "chat"},
    {"prompt": "What is the capital of France?", "scores": {"small": 1, "large": 1}, "domain": "chat"},
    {"prompt": "Prove that every finite integral domain is a field.", "scores": {"small": 0, "large": 1}},
]
shipped = pytest.mark.skipif(packaged(WHEEL) is None, reason="the embedder's wheel is not installed")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["route", "evaluate", *map(str, arguments), "--threads", "1"])


def write(path: Path, *more: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in (*ROWS, *more)), encoding="utf-8")
    return path


@shipped
def test_a_table_and_three_files(tmp_path: Path) -> None:
    """With the shipped embedder and head. No word of a prompt is in what is written."""
    done = run("--input", write(tmp_path / "labelled.jsonl"), "--output", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"curve.html", "curve.png", "metrics.json"}
    assert ["chat", "2"] in [line.split()[:2] for line in done.stdout.splitlines()]
    told = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert told["all"]["prompts"] == 3
    written = (tmp_path / "out" / "curve.html").read_text() + json.dumps(told) + done.stdout
    assert not any(word in written for word in ("hello", "France", "integral"))


@shipped
def test_a_malformed_line_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    """Status 1, as every fault of ours."""
    done = run("--input", write(tmp_path / "labelled.jsonl", {"prompt": "x"}), "--output", tmp_path / "out")
    assert done.exit_code == 1
    assert 'line 4: "scores" is not an object' in str(done.exception)
    assert not (tmp_path / "out").exists()


@shipped
def test_the_tiers_and_the_policy_are_the_users(tmp_path: Path) -> None:
    """Turned round, the policy's `large` is the cheap one."""
    (policy := tmp_path / "policy.yaml").write_text("routing: {thresholds: {large: 1.0}}")
    done = run("--input", write(tmp_path / "in"), "--tiers", "large,small", "--policy", policy)
    assert done.exit_code == 0, done.output
    assert "Tiers, from the cheapest to the best: large, small" in done.stdout
    assert run("--input", tmp_path / "in", "--tiers", "a,b").exit_code == 1


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is judged."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = run("--input", write(tmp_path / "in"), "--output", tmp_path)
    assert isinstance(done.exception, ConfigError)
    assert "leanserve[train]" in str(done.exception)


def test_a_policy_that_is_none_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    """With the file and the place in it."""
    (policy := tmp_path / "policy.yaml").write_text("routing: {treshold: 1}")
    done = run("--input", write(tmp_path / "in"), "--policy", policy)
    assert "policy.routing.treshold" in str(done.exception)


def test_the_command_wants_an_input() -> None:
    """`--help` names the form of the lines; a file that is not there is no traceback."""
    assert "JSON lines" in run("--help").stdout
    assert run("--input", "/nowhere").exit_code == 2
