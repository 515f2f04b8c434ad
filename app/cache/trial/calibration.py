"""The operating point that labelled pairs support, without any assumption on how scores are distributed.

The least `min_p_same` whose false-hit rate lies, with 95% confidence, at or below what is asked: fixed-sequence testing
as in "Learn then Test" (Angelopoulos, Bates, Candès, Jordan, Lei, arXiv:2110.01052, section 4). The thresholds of a
grid that no data moved are tested from the strictest on, each by the exact binomial tail at the full level, and the
last one before the first that fails is taken; so the chance to choose one that is worse than asked is 5%, where new
pairs are like the labelled ones.

Evidence are pairs that want different answers *and* come before the verifier or are the same request. What is forbidden
or unlike anyway would dilute: with enough of it any threshold would look safe.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.cache.trial.evaluation import Scored
from app.trial.shares import Share, is_below, least_of, upper_bound

GRID = 10_000
"""Thresholds between 0 and 1."""
EVEN = 0.5
"""No threshold below even odds is taken, unless the shipped one is: there the verifier itself says "rather not"."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One threshold on the labelled pairs: false hits among the evidence, recall among all that want the same."""

    min_p_same: float
    false_hits: Share
    recall: Share

    @property
    def bound(self) -> float:
        """The false-hit rate is at most this, with 95% confidence."""
        return upper_bound(self.false_hits.count, self.false_hits.of)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What calibration found. `chosen` is None where the pairs are too few to be sure: `missing` more are needed that
    want different answers and are near, without a further false hit. `shipped` is the verifier's own point."""

    max_false_hit_rate: float
    pairs: Share
    shipped: Tried
    chosen: Tried | None
    missing: int = 0


def calibrate(scored: Sequence[Scored], max_false_hit_rate: float, shipped: float) -> Calibrated:
    """The operating point for a rate, 0 < rate < 1; `shipped` is the one without these pairs."""
    same = sorted(s.p_same for s in scored if s.label)
    other = sorted(s.p_same for s in scored if not s.label and is_evidence(s))
    chosen = None
    for threshold in thresholds(min(EVEN, shipped)):
        tried = at(threshold, same, other)
        if not is_below(tried.false_hits.count, tried.false_hits.of, max_false_hit_rate):
            break
        chosen = tried
    pairs, now = Share(len(same), len(scored)), at(shipped, same, other)
    missing = 0 if chosen else least_of(at(1.0, same, other).false_hits.count, max_false_hit_rate) - len(other)
    return Calibrated(max_false_hit_rate, pairs, now, chosen, missing)


def is_evidence(scored: Scored) -> bool:
    """Whether a pair tells something of thresholds on `p_same`."""
    return scored.judged.verified or scored.judged.hit


def thresholds(least: float) -> Iterator[float]:
    """The grid, from 1 down to `least`."""
    steps = (step / GRID for step in range(GRID, 0, -1))
    return (threshold for threshold in steps if threshold >= least)


def at(threshold: float, same: Sequence[float], other: Sequence[float]) -> Tried:
    """What a threshold does to rising scores."""
    return Tried(threshold, _reaching(threshold, other), _reaching(threshold, same))


def _reaching(threshold: float, rising: Sequence[float]) -> Share:
    return Share(len(rising) - bisect_left(rising, threshold), len(rising))
