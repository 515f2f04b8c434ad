"""How sure a number is: the percentile bootstrap, over prompts.

Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7, 1979; percentile intervals as in
Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13. All that is compared is computed on the same
resample, so that differences are paired: what is hard for one is hard for the other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.route.frontier import Ints
from app.route.metrics import Doubles

RESAMPLES = 500
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its interval of 95%; nan where there is none."""

    value: float
    low: float
    high: float


def bootstrap(
    n: int, statistic: Callable[[Ints], npt.ArrayLike], seed: int = 0, resamples: int = RESAMPLES
) -> list[Estimate]:
    """What `statistic` says of all of n prompts, with intervals. It takes row numbers and returns one or more numbers.

    The same seed draws the same resamples, whatever is computed of them. n > 0.
    """
    source = np.random.default_rng(seed)
    values = np.atleast_1d(np.asarray(statistic(np.arange(n)), dtype=float))
    drawn = np.array([np.atleast_1d(statistic(source.integers(0, n, n))) for _ in range(resamples)], dtype=float)
    low, high = (bound(drawn, share) for share in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return [Estimate(*map(float, each)) for each in zip(values, low, high, strict=True)]


def bound(drawn: Doubles, share: float) -> Doubles:
    """The quantile of each column, of the resamples in which there was a number; nan where there was none."""
    known = ~np.isnan(drawn)
    return np.array(
        [np.quantile(column[ok], share) if ok.any() else np.nan for column, ok in zip(drawn.T, known.T, strict=True)]
    )
