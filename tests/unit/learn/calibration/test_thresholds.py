"""Thresholds that keep a share of always-best quality, and are left alone where nobody can tell."""

import pytest

from app.learn.calibration.evidence import Both
from app.learn.calibration.thresholds import TierThreshold, find_thresholds

PRESENT = {"small": 0.3, "medium": 0.7}


def made(n: int, lost_from: float, tier: str = "small", top: float = 1.0) -> list[Both]:
    """`n` requests of evenly spread scores up to `top`; from a score on, only the best tier answers well."""
    scores = [top * (number + 0.5) / n for number in range(n)]
    return [Both(tier, score, score < lost_from, best=True) for score in scores]


def only(found: list[TierThreshold]) -> TierThreshold:
    [one] = found
    return one


def test_the_threshold_is_where_the_cheaper_tier_begins_to_fail() -> None:
    """A little above it at most, by what may be lost."""
    found = only(find_thresholds(made(5_000, 0.4), PRESENT, 0.99))
    assert found.threshold == pytest.approx(0.407, abs=0.004)
    assert found.bound <= 0.01
    assert found.lost / found.well < 0.01
    assert (found.tier, found.present, found.well) == ("small", 0.3, 5_000)


def test_too_little_evidence_leaves_it_alone_and_says_how_much_is_missing() -> None:
    """299 requests without a loss are needed for 99% at 95% confidence (0.99^299 < 0.05)."""
    found = only(find_thresholds(made(200, 2.0), PRESENT, 0.99))
    assert (found.threshold, found.missing) == (None, 99)
    assert only(find_thresholds(made(299, 2.0), PRESENT, 0.99)).threshold is not None


def test_no_evidence_says_nothing() -> None:
    """Not even about the tiers of the policy."""
    assert find_thresholds([], PRESENT, 0.99) == []


def test_a_threshold_stays_within_what_was_tried() -> None:
    """Live traffic shows a cheaper tier only below its present threshold: nothing is known of what lies above."""
    found = only(find_thresholds(made(2_000, 2.0, top=0.3), PRESENT, 0.99))
    assert found.threshold == pytest.approx(0.3, abs=0.001)


def test_a_tier_that_fails_everywhere_gets_nothing() -> None:
    """Down to nearly 0, where the few that it may lose are."""
    found = only(find_thresholds(made(1_000, 0.0), PRESENT, 0.99))
    assert found.threshold is not None
    assert found.threshold < 0.01


def test_what_the_best_tier_cannot_do_either_is_no_loss() -> None:
    """Nor is it evidence: only requests that the best tier answers well count."""
    hopeless = [Both("small", 0.1, cheap=False, best=False)] * 1_000
    assert only(find_thresholds(hopeless, PRESENT, 0.99)).threshold is None
    found = only(find_thresholds(hopeless + made(2_000, 0.5), PRESENT, 0.99))
    assert found.well == 2_000
    assert found.threshold == pytest.approx(0.505, abs=0.005)


def test_several_tiers_share_what_may_be_lost() -> None:
    """Each alone loses at most half a percent: together they keep 99%."""
    both = made(5_000, 0.3, "small") + made(5_000, 0.6, "medium")
    small, medium = find_thresholds(both, PRESENT, 0.99)
    assert (small.tier, medium.tier) == ("small", "medium")
    assert small.bound <= 0.005
    assert medium.bound <= 0.005
    assert small.threshold == pytest.approx(0.303, abs=0.003)
    assert medium.threshold == pytest.approx(0.603, abs=0.003)


def test_thresholds_rise_beside_those_that_are_left_alone() -> None:
    """A configuration whose thresholds fall cannot be served."""
    small = only(find_thresholds(made(5_000, 0.9), {"small": 0.3, "medium": 0.5}, 0.99))
    assert small.threshold == 0.5
    medium = only(find_thresholds(made(5_000, 0.1, "medium"), PRESENT, 0.99))
    assert medium.threshold == 0.3
    both = made(5_000, 0.8, "small") + made(5_000, 0.2, "medium")
    found = find_thresholds(both, PRESENT, 0.99)
    assert [each.threshold for each in found] == [found[1].threshold] * 2


def test_the_order_of_the_tiers_may_be_said() -> None:
    """Where the policy in force does not name them."""
    both = made(5_000, 0.3, "a") + made(5_000, 0.6, "b")
    assert [each.tier for each in find_thresholds(both, {}, 0.99, ["b", "a", "c"])] == ["b", "a"]
