"""Recall, false hits and curves of labelled pairs."""

import json
import re
from pathlib import Path

import pytest

from app.cache.pairs import AskedPair
from app.cache.trial.evaluation import MOST_POINTS, Evaluation, Rates, curve, document, evaluate, score
from app.cache.trial.files import score_file, write_evaluation
from app.cache.trial.lines import Label, Labelled
from app.cache.trial.page import page
from app.cache.trial.table import table
from app.config.policy import CachePolicy, Policy
from app.errors import ConfigError
from app.trial.shares import Share
from tests.unit.cache.judging import judge
from tests.unit.cache.trial.made import scored

POINT = 0.8
SAME = ("typo", [(0.95, 0.9), (0.9, 0.97), (0.5, 0.99), (0.0, 0.5)])
OTHER = ("number <5>", [(0.85, 0.99), (0.3, 0.96), (0.1, 0.91), (0.0, 0.2), (0.0, 0.1)])


def evaluation() -> Evaluation:
    rows = [scored(1, p, cosine, SAME[0]) for p, cosine in SAME[1]]
    rows += [scored(0, p, cosine, OTHER[0]) for p, cosine in OTHER[1]]
    return evaluate(rows, judge(point=POINT))


def test_recall_and_false_hits_are_counted_by_label() -> None:
    """By category and in all; for cosines likewise."""
    found = evaluation()
    assert found.whole.verifier == Rates(Share(2, 4), Share(1, 5))
    assert found.whole.cosine == (
        Rates(Share(2, 4), Share(2, 5)),
        Rates(Share(3, 4), Share(3, 5)),
        Rates(Share(3, 4), Share(3, 5)),
    )
    assert [part.name for part in found.parts] == ["number <5>", "typo"]
    assert found.parts[0].verifier == Rates(Share(0, 0), Share(1, 5))
    assert found.whole.missed == {"fake": 2}
    assert found.whole.wrong == {"fake": 1}


def test_a_curve_falls_through_all_thresholds() -> None:
    """Each score once, with the rates at and above it; what is 0 is no hit at any threshold."""
    same, other = [scored(1, p) for p in (0.9, 0.5, 0.0)], [scored(0, p) for p in (0.9, 0.2, 0.0, 0.0)]
    points = curve(same, other, lambda s: s.p_same)
    assert [(p.threshold, p.recall, p.false_hit_rate) for p in points] == [
        (0.9, 1 / 3, 1 / 4),
        (0.5, 2 / 3, 1 / 4),
        (0.2, 2 / 3, 2 / 4),
    ]


def test_a_long_curve_is_thinned_between_its_ends() -> None:
    """No picture needs ten thousand points; what is left is on the curve."""
    same = [scored(1, (i % 997 + 1) / 1000) for i in range(5_000)]
    other = [scored(0, (i % 499 + 1) / 1000) for i in range(5_000)]
    points = curve(same, other, lambda s: s.p_same)
    assert len(points) <= MOST_POINTS
    assert points[-1].recall == points[-1].false_hit_rate == 1
    assert points[0].threshold == 0.997
    assert all(p.false_hit_rate == 0 for p in points if p.threshold > 0.499)


def test_labelled_pairs_are_judged_as_all_others() -> None:
    """The same decision, and the label beside it."""
    labels: list[Label] = [1, 0]
    pairs = [Labelled(AskedPair("Say hello.", "say hello."), label, "greetings") for label in labels]
    found = list(score(pairs, judge()))
    assert [(s.label, s.category, s.judged.hit) for s in found] == [(1, "greetings", True), (0, "greetings", True)]


def test_without_a_verifier_or_pairs_there_is_nothing_to_evaluate() -> None:
    """Both are told."""
    plain = judge(policy=Policy(cache=CachePolicy(threshold=0.9)))
    with pytest.raises(ConfigError, match="threshold"):
        list(score([Labelled(AskedPair("a", "b"), 1)], plain))
    with pytest.raises(ConfigError, match="no pairs"):
        evaluate([], judge())


def test_the_table_has_a_line_a_category_and_one_for_all() -> None:
    """Shares with their intervals, a dash where there is nothing; the last line but the legend is that of all."""
    head, number, typo, whole, *_ = table(evaluation()).splitlines()
    assert head.split()[:5] == ["category", "pairs", "recall", "false", "95%"]
    assert number.split("  ")[0] == "number <5>"
    assert re.split(r"\s{2,}", typo) == ["typo", "4", "50.0%", "–", "–", "50.0% / –", "75.0% / –", "75.0% / –"]
    assert re.split(r"\s{2,}", whole)[:5] == ["all", "9", "50.0%", "20.0%", "0.5–71.6%"]


def test_pairs_without_categories_are_one_line() -> None:
    """Not the same line twice."""
    lines = table(evaluate([scored(1, 0.9), scored(0, 0.1)], judge())).splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["category", "all"]
    assert lines[2] == ""


def test_a_rate_that_is_small_is_not_shown_as_none() -> None:
    """One of 5,000 is 0.02%."""
    rows = [scored(0, 0.9), *[scored(0, 0.1)] * 4_999]
    assert "0.02%" in table(evaluate(rows, judge(point=POINT)))


def test_the_page_stands_alone_and_escapes(tmp_path: Path) -> None:
    """No address in it, nothing of a name is markup, every category has its panel."""
    html = page(evaluation())
    assert not re.search(r"(?:src|href|url)\s*[=(]|https?:|@import|<script", html)
    assert "number <5>" not in html
    assert html.count("<svg") == html.count("</svg>") == 3
    assert html.count("number &lt;5&gt;") == 2
    assert "nan" not in html.lower()


def test_the_files_hold_every_number(tmp_path: Path) -> None:
    """JSON for programs, a page and a picture for people."""
    folder = tmp_path / "new" / "folder"
    write_evaluation(evaluation(), folder)
    assert sorted(each.name for each in folder.iterdir()) == ["curve.html", "curve.png", "results.json"]
    told = json.loads((folder / "results.json").read_text())
    assert told == json.loads(json.dumps(document(evaluation())))
    assert told["operating_point"] == POINT
    assert told["categories"]["typo"]["verifier"]["recall"]["rate"] == 0.5
    assert told["all"]["verifier"]["false_hits"] == {"count": 1, "of": 5, "rate": 0.2, **bounds(0.0050, 0.7164)}
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """By its name."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file: File exists"):
        write_evaluation(evaluation(), tmp_path / "file")


def bounds(low: float, high: float) -> dict[str, object]:
    return {"low": pytest.approx(low, abs=1e-4), "high": pytest.approx(high, abs=1e-4)}


def test_a_line_without_a_label_is_named(tmp_path: Path) -> None:
    """With its file."""
    path = tmp_path / "labelled.jsonl"
    path.write_text('{"a": "x", "b": "y", "label": 1}\n{"a": "x", "b": "y"}\n')
    with pytest.raises(Exception, match=r'labelled\.jsonl: line 2: "label"'):
        score_file(path, judge())
