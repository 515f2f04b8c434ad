"""The refit of P(good enough): held towards the head, honest about little evidence."""

import math

import numpy as np
import pytest

from app.config.routing import TierCalibration
from app.learn.calibration.evidence import Judged
from app.learn.calibration.platt import LEAST, Sample, fit, intervals, refit
from app.route.chances import logit, sigmoid

SHIPPED = TierCalibration()


def made(n: int, slope: float, intercept: float, seed: int = 0) -> list[Judged]:
    """Outcomes of a tier whose true chance is sigmoid(slope · logit(p) + intercept)."""
    source = np.random.default_rng(seed)
    p = source.uniform(0.05, 0.95, n)
    true = sigmoid(logit(p) * slope + intercept)
    return [Judged("small", float(a), bool(b)) for a, b in zip(p, source.random(n) < true, strict=True)]


def test_what_is_true_is_found_with_enough_evidence() -> None:
    """And the error on unseen outcomes falls."""
    found = refit("small", made(4_000, 0.6, -0.8), SHIPPED)
    assert found.verdict == "refitted"
    assert [found.slope, found.intercept] == pytest.approx([0.6, -0.8], abs=0.12)
    assert found.after < 0.03 < found.before


def test_ten_outcomes_change_little() -> None:
    """Even ten failures where the head was confident: P of 0.9 stays well above even odds."""
    slope, intercept = fit(Sample.of([Judged("small", 0.9, good=False)] * 10))
    assert 0.6 < float(sigmoid(np.array(logit(np.array(0.9)) * slope + intercept))) < 0.9
    slope, intercept = fit(Sample.of(made(10, 1, 0)))
    assert [slope, intercept] == pytest.approx([1, 0], abs=0.15)


def test_without_evidence_the_fit_is_the_head() -> None:
    """Exactly."""
    assert fit(Sample.of([])) == (1.0, 0.0)


def test_below_the_stated_minimum_a_tier_is_left_alone() -> None:
    """By weight, not by number: comparisons count for less."""
    few = made(int(LEAST) - 1, 0.3, -2)
    found = refit("small", few, SHIPPED)
    assert (found.verdict, found.slope, found.intercept, found.reported) == ("too few", 1.0, 0.0, 49)
    weak = [Judged("small", each.p, each.good, 0.25) for each in made(150, 0.3, -2)]
    found = refit("small", weak, SHIPPED)
    assert (found.verdict, found.compared, found.weight) == ("too few", 150, 37.5)
    assert refit("small", made(int(LEAST) + 100, 0.3, -2), SHIPPED).verdict == "refitted"


def test_a_head_that_is_right_is_left_alone() -> None:
    """A new fit that is no better on outcomes that it did not see is none; at most by luck."""
    verdicts = [refit("small", made(300, 1, 0, seed), SHIPPED, seed).verdict for seed in range(10)]
    assert verdicts.count("no better") >= 7


def test_the_calibration_in_force_is_what_must_be_beaten() -> None:
    """The truth was found before: nothing new to say, though the shipped head is far off."""
    judged = made(3_000, 0.6, -0.8)
    present = TierCalibration(slope=0.6, intercept=-0.8)
    assert refit("small", judged, present).before < refit("small", judged, SHIPPED).before


def test_little_evidence_has_wide_intervals() -> None:
    """A hundred outcomes say less than ten thousand."""
    widths = [intervals(Sample.of(made(n, 1, -1)), 0)[1] for n in (100, 10_000)]
    assert widths[0][1] - widths[0][0] > 2 * (widths[1][1] - widths[1][0])


def test_the_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Nine times in ten, for slope and for intercept; twenty draws allow some luck."""
    found = [intervals(Sample.of(made(1_500, 0.8, -0.5, seed)), seed) for seed in range(20)]
    for place, truth in enumerate((0.8, -0.5)):
        assert sum(each[place][0] < truth < each[place][1] for each in found) >= 15


def test_what_the_evidence_cannot_tell_stays_uncertain() -> None:
    """The head says the same of every prompt: nothing is learned of the slope, however many there are."""
    slopes, _ = intervals(Sample.of([Judged("small", 0.5, number % 2 == 0) for number in range(5_000)]), 0)
    assert slopes[1] - slopes[0] > 0.4


def test_the_order_of_the_head_is_never_turned_around() -> None:
    """Evidence that says "the surer, the worse" flattens; and separable evidence stays finite."""
    upside = [Judged("small", each.p, not each.good) for each in made(3_000, 3, 0)]
    slope, _ = fit(Sample.of(upside))
    assert slope > 0
    slope, intercept = fit(Sample.of([Judged("small", p, p > 0.5) for p in np.linspace(0.01, 0.99, 2_000)]))
    assert 1 < slope <= 10
    assert math.isfinite(intercept)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_certain_chances_are_held_where_the_router_holds_them(p: float) -> None:
    """No logit is infinite."""
    slope, intercept = fit(Sample.of([Judged("small", p, good=True)] * 500))
    assert math.isfinite(slope)
    assert math.isfinite(intercept)


def test_the_same_seed_gives_the_same_numbers() -> None:
    """Folds and resamples are drawn, nothing else."""
    judged = made(400, 0.7, -0.5)
    assert refit("small", judged, SHIPPED, 3) == refit("small", judged, SHIPPED, 3)
    assert refit("small", judged, SHIPPED, 3) != refit("small", judged, SHIPPED, 4)
