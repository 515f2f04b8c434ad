"""Shares and how sure they are: exact binomial bounds, free of any assumption about how scores are distributed.

Bounds are those of Clopper and Pearson ("The use of confidence or fiducial limits illustrated in the case of the
binomial", Biometrika 26, 1934), found by bisection of the binomial tail.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np

CONFIDENCE = 0.95
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`."""

    count: int
    of: int

    @property
    def rate(self) -> float | None:
        """0–1; None of nothing."""
        return self.count / self.of if self.of else None

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Two-sided bounds, 0–1."""
        outside = (1 - confidence) / 2
        low = 1 - upper_bound(self.of - self.count, self.of, 1 - outside)
        return low, upper_bound(self.count, self.of, 1 - outside)


def upper_bound(count: int, of: int, confidence: float = CONFIDENCE) -> float:
    """The one-sided bound: the rate at which so few of `of` would have a chance of 1 - `confidence`."""
    if count >= of:
        return 1.0
    tail, low, high = _Tail(count, of), count / of, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if tail.at(middle) <= 1 - confidence else (middle, high)
    return high


@lru_cache(maxsize=1024)
def is_below(count: int, of: int, rate: float, confidence: float = CONFIDENCE) -> bool:
    """Whether the upper bound of `count` of `of` is at most `rate`, 0 < rate < 1."""
    return count < of and _Tail(count, of).at(rate) <= 1 - confidence


def least_of(count: int, rate: float, confidence: float = CONFIDENCE) -> int:
    """How many there must be for `count` of them to be sure to lie below `rate`."""
    high = count + 1
    while not is_below(count, high, rate, confidence):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_below(count, middle, rate, confidence) else (middle, high)
    return high


class _Tail:
    """P(X ≤ count) of a binomial X of `of`, for several rates."""

    def __init__(self, count: int, of: int) -> None:
        self._of = of
        self._counts = np.arange(count + 1, dtype=np.float64)
        steps = np.log(of + 1 - self._counts[1:]) - np.log(self._counts[1:])
        self._choose = np.concatenate([[0.0], np.cumsum(steps)])

    def at(self, rate: float) -> float:
        """0 < rate < 1."""
        logs = self._choose + self._counts * log(rate) + (self._of - self._counts) * log(1 - rate)
        most = float(logs.max())
        return float(np.exp(most) * np.exp(logs - most).sum())
