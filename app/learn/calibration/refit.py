"""All of the evidence to all of the calibration."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from app.config.routing import RoutingPolicy, TierCalibration
from app.learn.calibration.evidence import Evidence, Judged
from app.learn.calibration.platt import TierFit, refit
from app.learn.calibration.thresholds import TierThreshold, find_thresholds


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """What the evidence supports. `left_out` says what of it was of no use, by reason."""

    target: float
    fits: Sequence[TierFit]
    thresholds: Sequence[TierThreshold]
    left_out: dict[str, int]

    @property
    def calibration(self) -> dict[str, TierCalibration]:
        """The new calibration, of tiers that have one."""
        refitted = [fit for fit in self.fits if fit.verdict == "refitted"]
        return {
            fit.tier: TierCalibration(slope=round(fit.slope, 4), intercept=round(fit.intercept, 4)) for fit in refitted
        }

    @property
    def new_thresholds(self) -> dict[str, float]:
        """The new thresholds, of tiers that have one."""
        return {each.tier: each.threshold for each in self.thresholds if each.threshold is not None}

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.calibration or self.new_thresholds)


def recalibrate(
    evidence: Evidence, present: RoutingPolicy, target: float, *, order: Sequence[str] = (), seed: int = 0
) -> Recalibrated:
    """What `evidence` says against the policy in force. `order` names tiers from the cheapest to the best."""
    by_tier: defaultdict[str, list[Judged]] = defaultdict(list)
    for each in evidence.judged:
        by_tier[each.tier].append(each)
    names = sorted(by_tier, key=lambda tier: (order.index(tier) if tier in order else len(order), tier))
    fits = [refit(name, by_tier[name], present.calibration.get(name, TierCalibration()), seed) for name in names]
    thresholds = find_thresholds(evidence.both, present.thresholds, target, order)
    return Recalibrated(target, fits, thresholds, {why: n for why, n in evidence.left_out.items() if n})
