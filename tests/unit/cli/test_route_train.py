"""`leanserve route train`: what it prints, and what it says when it cannot."""

from pathlib import Path

from typer.testing import CliRunner

from app.cli.root import cli
from app.route.card import summary
from app.route.report import SetReport, TrainReport

PAIRED = SetReport("routellm_gsm8k", 1234, 0.5, 0.75, 0.71, 0.612, 0.3, 0.99, (0.0125, 0.0375))
ALONE = SetReport("routerdc7", 56, 0.5, None, 0.7, None, None, None, (0.0125, None))


def test_the_summary_has_a_line_for_each_set_seen_and_unseen() -> None:
    """APGR, share kept off the best tier, quality kept, calibration errors; a dash where nothing was measured."""
    printed = summary(TrainReport(0, 18000, 4600, seen=(PAIRED, ALONE), unseen=(ALONE,), tasks=(PAIRED,)))
    assert [line.split() for line in printed.splitlines()] == [
        ["trained", "on", "18,000", "prompts,", "4,600", "held", "out"],
        ["held-out", "questions", "prompts", "APGR", "off", "kept", "ECE", "weak", "/", "strong"],
        ["routellm_gsm8k", "1,234", "0.612", "30.0%", "99.0%", "0.013", "/", "0.037"],
        ["routerdc7", "56", "–", "–", "–", "0.013", "/", "–"],
        ["domains", "left", "out", "prompts", "APGR", "off", "kept", "ECE", "weak", "/", "strong"],
        ["routerdc7", "56", "–", "–", "–", "0.013", "/", "–"],
    ]


def test_a_directory_without_data_is_told(tmp_path: Path) -> None:
    """With the files that were looked for; the shipped weights stay."""
    found = CliRunner().invoke(cli, ["route", "train", "--data", str(tmp_path), "--output", str(tmp_path / "out")])
    assert found.exit_code != 0
    assert "routellm_mmlu.jsonl" in found.output + str(found.exception)
    assert not (tmp_path / "out").exists()
