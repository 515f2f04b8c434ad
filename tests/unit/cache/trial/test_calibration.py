"""The operating point that labelled pairs support."""

import json
import random
from pathlib import Path

import pytest
import yaml

from app.cache.trial.calibration import calibrate
from app.cache.trial.evaluation import Scored
from app.cache.trial.files import calibrate_file
from app.cache.trial.fragment import fragment, summary
from app.cache.trial.lines import Label
from app.config.load import load_policy
from app.trial.shares import is_below
from tests.unit.cache.judging import judge
from tests.unit.cache.trial.made import scored


def pairs(label: Label, *ps: float) -> list[Scored]:
    return [scored(label, p) for p in ps]


EASY = pairs(1, *[0.99] * 80, *[0.7] * 20)


def test_the_least_point_that_is_surely_good_enough_is_chosen() -> None:
    """299 pairs below 0.9 and one false hit at it: at 0.9 nobody can be sure of 1%, above it just."""
    found = calibrate([*EASY, *pairs(0, *[0.6] * 298, 0.9)], 0.01, shipped=0.95)
    assert found.chosen
    assert found.chosen.min_p_same == 0.9001
    assert (found.chosen.false_hits.count, found.chosen.false_hits.of) == (0, 299)
    assert found.chosen.recall.rate == 0.8
    assert found.chosen.bound <= 0.01
    assert found.shipped.min_p_same == 0.95


def test_a_false_hit_is_borne_where_there_is_evidence_enough() -> None:
    """Of a thousand one may be false, and the point goes down to even odds: no further."""
    found = calibrate([*EASY, *pairs(0, *[0.3] * 999, 0.9)], 0.01, shipped=0.95)
    assert found.chosen
    assert (found.chosen.min_p_same, found.chosen.false_hits.count, found.chosen.recall.rate) == (0.5, 1, 1.0)
    lax = calibrate([*EASY, *pairs(0, *[0.3] * 999, 0.9)], 0.01, shipped=0.4)
    assert lax.chosen
    assert lax.chosen.min_p_same == 0.4


def test_no_point_behind_one_that_fails_is_looked_at() -> None:
    """The tests go from the strictest on and stop: a gap further down is not jumped to."""
    found = calibrate([*EASY, *pairs(0, *[0.95] * 20, *[0.1] * 500)], 0.01, shipped=0.9)
    assert found.chosen
    assert found.chosen.min_p_same == 0.9501


def test_too_few_pairs_are_told_with_how_many_more() -> None:
    """Nothing is chosen; with so many more it would be, with one less not."""
    few = pairs(0, *[0.6] * 100)
    found = calibrate([*EASY, *few], 0.01, shipped=0.9)
    assert (found.chosen, found.missing) == (None, 199)
    assert "199 more pairs" in "\n".join(summary(found))
    assert calibrate([*EASY, *few, *few, *few[:99]], 0.01, shipped=0.9).chosen
    assert not calibrate([*EASY, *few, *few, *few[:98]], 0.01, shipped=0.9).chosen


def test_what_never_reaches_the_verifier_is_no_evidence() -> None:
    """A thousand unlike pairs would make any threshold look safe; the same request with label 0 is a false hit."""
    unlike = [scored(0, 0.0, 0.2, verified=False)] * 1_000
    assert calibrate([*EASY, *unlike], 0.01, shipped=0.9).missing == 299
    same_request = [scored(0, 1.0, 1.0, verified=False)] * 5
    found = calibrate([*EASY, *pairs(0, *[0.6] * 300), *same_request], 0.01, shipped=0.9)
    assert found.chosen is None
    assert is_below(5, 305 + found.missing, 0.01)


def test_a_bad_point_is_chosen_in_one_run_of_twenty_at_most() -> None:
    """A world whose false-hit rate at p is 1 - p, so that 5% is p = 0.95: 400 calibrations on 500 pairs each."""
    source, bad = random.Random(5), 0
    for _ in range(400):
        found = calibrate(pairs(0, *(source.random() for _ in range(500))), 0.05, shipped=0.9)
        bad += found.chosen is not None and found.chosen.min_p_same < 0.95
    assert 0 < bad <= 0.075 * 400


def test_the_fragment_is_a_policy_with_its_evidence(tmp_path: Path) -> None:
    """It loads as a policy; the comments say on what it rests."""
    found = calibrate([*EASY, *pairs(0, *[0.6] * 298, 0.9)], 0.01, shipped=0.95)
    assert found.chosen
    text = fragment(found, found.chosen, "v7")
    assert yaml.safe_load(text) == {"cache": {"max_false_hit_rate": 0.01, "min_p_same": 0.9001}}
    assert "false hits 0 of 299, with 95% confidence at most 1.00%" in text
    assert "v7" in text
    (tmp_path / "policy.yaml").write_text(text)
    assert load_policy(tmp_path / "policy.yaml").cache.min_p_same == 0.9001


def test_wrong_hits_that_were_reported_join_the_evidence(tmp_path: Path) -> None:
    """The right ones do not count: nobody reports a miss, and recall would be too good."""
    a, b = "How do I open a savings account with bank number", "How can I open a savings account with bank number"
    labelled, reported = tmp_path / "labelled.jsonl", tmp_path / "feedback.jsonl"

    def write(path: Path, labels: list[int]) -> None:
        path.write_text(
            "".join(json.dumps({"a": f"{a} {i}", "b": f"{b} {i}", "label": x}) + "\n" for i, x in enumerate(labels))
        )

    write(labelled, [1] * 10 + [0] * 300)
    write(reported, [0, 0, 1, 1, 1])
    judging = judge(lambda stored, _: 0.9 if int(stored.split()[-1]) < 10 else 0.2, point=0.8)
    before = calibrate_file(labelled, judging, 0.01)
    after = calibrate_file(labelled, judging, 0.01, reported)
    assert before.chosen
    assert before.chosen.min_p_same == 0.5
    assert after.chosen
    assert (after.chosen.min_p_same, after.pairs.of, after.pairs.count) == (0.9001, 312, 10)


@pytest.mark.parametrize("rate", [0.001, 0.5])
def test_without_any_pair_all_are_missing(rate: float) -> None:
    """No division by nothing."""
    found = calibrate([], rate, shipped=0.9)
    assert found.chosen is None
    assert found.missing > 0
    assert summary(found)
