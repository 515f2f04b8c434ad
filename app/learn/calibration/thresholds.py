"""Thresholds that keep a share of always-best quality, where it is known how both tiers did on the same requests.

Of the requests that the best tier answers well, those below a tier's threshold that this tier does not answer well are
lost. The threshold is the largest up to which their share is, with 95% confidence, at most what may be lost; where
several tiers have evidence, each may lose an equal part, so that all together keep the target. They are tested in a
fixed order from 0 upwards by the exact binomial tail, the last before the first that fails is taken ("Learn then Test",
Angelopoulos et al., arXiv:2110.01052, section 4). What the cheaper tier does better is not set off. A threshold never
goes beyond the highest score that the evidence has: of what was never tried nothing is known.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.learn.calibration.evidence import Both
from app.trial.shares import is_below, least_of, upper_bound

GRID = 1_000


@dataclass(frozen=True, slots=True)
class TierThreshold:
    """One tier: requests that the best tier answers `well`, how many of them are `lost` below `threshold`, and the
    `bound` of that share with 95% confidence. `threshold` is None where the evidence is too thin: at least `missing`
    more requests are needed. `present` is the one in force, if any."""

    tier: str
    well: int
    present: float | None
    threshold: float | None = None
    lost: int = 0
    bound: float = 1.0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """The evidence on one tier: how many requests the best tier answers well, and the scores of those that are lost."""

    well: int
    lost: Sequence[float]
    highest: float

    @classmethod
    def of(cls, both: Sequence[Both]) -> "_Known":
        well = [each for each in both if each.best]
        lost = sorted(each.score for each in well if not each.cheap)
        return cls(len(well), lost, max(each.score for each in both))

    def below(self, threshold: float) -> int:
        """How many are lost."""
        return bisect_left(self.lost, threshold)

    def largest(self, may_lose: float) -> float | None:
        """The largest threshold that surely loses at most so much; None where not even 0 is sure."""
        passed = None
        for step in range(math.ceil(self.highest * GRID) + 1):
            if not is_below(self.below(step / GRID), self.well, may_lose):
                break
            passed = step / GRID
        return passed


def find_thresholds(
    both: Sequence[Both], present: Mapping[str, float], target: float, order: Sequence[str] = ()
) -> list[TierThreshold]:
    """One for each tier with evidence, 0 < target < 1. `order` names tiers from the cheapest to the best.

    Thresholds rise from the cheapest tier to the best, beside those that are left alone.
    """
    tiers = sorted({each.tier for each in both}, key=lambda tier: _rank(tier, order, present))
    may_lose = (1 - target) / max(1, len(tiers))
    known = {tier: _Known.of([each for each in both if each.tier == tier]) for tier in tiers}
    passed = {tier: found for tier in tiers if (found := known[tier].largest(may_lose)) is not None}
    rising = _rising(passed, present, order)
    return [_told(tier, known[tier], present.get(tier), rising.get(tier), may_lose) for tier in tiers]


def _rank(tier: str, order: Sequence[str], present: Mapping[str, float]) -> tuple[float, float, str]:
    place = order.index(tier) if tier in order else len(order)
    return place, present.get(tier, math.inf), tier


def _told(tier: str, known: _Known, present: float | None, threshold: float | None, may_lose: float) -> TierThreshold:
    if threshold is None:
        return TierThreshold(tier, known.well, present, missing=least_of(0, may_lose) - known.well)
    lost = known.below(threshold)
    return TierThreshold(tier, known.well, present, threshold, lost, upper_bound(lost, known.well))


def _rising(new: Mapping[str, float], present: Mapping[str, float], order: Sequence[str]) -> dict[str, float]:
    """The new thresholds, none above that of a better tier nor below that of a cheaper one that is left alone.

    Raised to the latter, a tier gets no request: the cheaper one takes them all.
    """
    known = {**present, **new}
    ranked = sorted(known, key=lambda tier: _rank(tier, order, present))
    for place in range(len(ranked) - 1, -1, -1):
        if (tier := ranked[place]) in new:
            ceiling = min((known[better] for better in ranked[place + 1 :]), default=1.0)
            floor = max((known[cheaper] for cheaper in ranked[:place] if cheaper not in new), default=0.0)
            known[tier] = max(floor, min(known[tier], ceiling))
    return {tier: known[tier] for tier in new}
