"""P(good enough) of one tier, refitted on outcomes: Platt scaling of the head's own probability, held towards it.

P = sigmoid(slope · logit(p) + intercept) (Platt, "Probabilistic outputs for support vector machines", 1999). A Gaussian
prior around (1, 0), the head as it ships, is worth some eighty outcomes: ten change little, a thousand speak for
themselves. How good it is, is told by outcomes that the fit did not see (five folds), how sure, by the bootstrap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.config.routing import TierCalibration
from app.learn.calibration.evidence import Judged
from app.route.chances import SURE, logit, sigmoid
from app.route.metrics import calibration_error

Doubles = npt.NDArray[np.float64]
Interval = tuple[float, float]

LEAST = 50.0
"""Weight of the evidence below which a tier is left alone: at even odds, P is then known to ±0.12."""
PRECISION = np.array([40.0, 20.0])
"""Of the prior on slope and intercept. For the latter the information of eighty outcomes at even odds, ¼ each; for the
slope twice that, since an outcome weighs there by its squared logit, about 2 on average where p is even over 0–1."""
SHIPPED = np.array([1.0, 0.0])
"""Slope and intercept of the head as it is."""
STEEPEST, FLATTEST = 10.0, 0.05
"""Bounds of the slope: calibration never turns the head's order around. The former is `TierCalibration`'s own."""
FOLDS = 5
RESAMPLES = 300
CONFIDENCE = 0.9

Verdict = Literal["refitted", "too few", "no better"]


@dataclass(frozen=True, slots=True)
class TierFit:
    """One tier. `reported` and `compared` count its evidence, `weight` is that of both together.

    `before` and `after` are expected calibration errors, on outcomes that the fit did not see; nan without a fit. The
    intervals are of 90%.
    """

    tier: str
    verdict: Verdict
    reported: int
    compared: int
    weight: float
    slope: float = 1.0
    intercept: float = 0.0
    slopes: Interval = (1.0, 1.0)
    intercepts: Interval = (0.0, 0.0)
    before: float = float("nan")
    after: float = float("nan")


@dataclass(frozen=True, slots=True)
class Sample:
    """Evidence as arrays of shape (n,): the head's logits, whether the answer was good, weights."""

    logits: Doubles
    good: Doubles
    weights: Doubles

    @classmethod
    def of(cls, judged: Sequence[Judged]) -> "Sample":
        """With chances held within the bounds that the router holds them in."""
        p = np.clip([each.p for each in judged], SURE, 1 - SURE)
        good, weights = [each.good for each in judged], [each.weight for each in judged]
        return cls(logit(p), np.array(good, dtype=float), np.array(weights, dtype=float))

    def rows(self, which: npt.NDArray[np.int64]) -> "Sample":
        """Those of these numbers."""
        return Sample(self.logits[which], self.good[which], self.weights[which])


def refit(tier: str, judged: Sequence[Judged], present: TierCalibration, seed: int = 0) -> TierFit:
    """The calibration of one tier; `present` is the one in force, which the new one must beat on unseen outcomes."""
    sample, reported = Sample.of(judged), sum(each.weight == 1 for each in judged)
    weight = float(sample.weights.sum())
    if weight < LEAST:
        return TierFit(tier, "too few", reported, len(judged) - reported, weight)
    slope, intercept = fit(sample)
    new = cross_validated(sample, seed)
    old = sigmoid(sample.logits * present.slope + present.intercept)
    better = log_loss(new, sample) < log_loss(old, sample)
    slopes, intercepts = intervals(sample, seed)
    return TierFit(
        tier,
        "refitted" if better else "no better",
        reported,
        len(judged) - reported,
        weight,
        slope,
        intercept,
        slopes,
        intercepts,
        calibration_error(old, sample.good, sample.weights),
        calibration_error(new, sample.good, sample.weights),
    )


def fit(sample: Sample, prior: Doubles = SHIPPED, *, steps: int = 50) -> tuple[float, float]:
    """Slope and intercept of the greatest posterior around `prior`, by Newton's method: two unknowns, a convex loss.

    A step is halved until the loss falls, so that it always ends.
    """
    at = prior
    for _ in range(steps):
        step = np.linalg.solve(*_curvature_and_slope(at, sample, prior))
        while _posterior(at - step, sample, prior) > _posterior(at, sample, prior) and np.abs(step).max() > 1e-9:
            step = step / 2
        at = at - step
        if np.abs(step).max() < 1e-7:
            break
    return float(np.clip(at[0], FLATTEST, STEEPEST)), float(np.clip(at[1], -20, 20))


def _posterior(at: Doubles, sample: Sample, prior: Doubles) -> float:
    """The negative log posterior, up to a constant."""
    margins = (sample.logits * at[0] + at[1]) * (2 * sample.good - 1)
    return float((sample.weights * np.logaddexp(0, -margins)).sum() + 0.5 * PRECISION @ (at - prior) ** 2)


def _curvature_and_slope(at: Doubles, sample: Sample, prior: Doubles) -> tuple[Doubles, Doubles]:
    """Second and first derivatives of `_posterior`, shapes (2, 2) and (2,)."""
    inputs = np.stack([sample.logits, np.ones_like(sample.logits)])
    p = sigmoid(at @ inputs)
    slope = inputs @ (sample.weights * (p - sample.good)) + PRECISION * (at - prior)
    return (inputs * (sample.weights * p * (1 - p))) @ inputs.T + np.diag(PRECISION), slope


def cross_validated(sample: Sample, seed: int) -> Doubles:
    """P of each row, by a fit on the other folds."""
    found = np.empty_like(sample.logits)
    for inside, outside in _folds(len(found), seed):
        slope, intercept = fit(sample.rows(inside))
        found[outside] = sigmoid(sample.logits[outside] * slope + intercept)
    return found


def _folds(n: int, seed: int) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    order = np.random.default_rng(seed).permutation(n)
    for fold in range(FOLDS):
        outside = order[fold::FOLDS]
        yield np.setdiff1d(order, outside), outside


def intervals(sample: Sample, seed: int) -> tuple[Interval, Interval]:
    """Of slope and intercept, by the percentiles of fits on resampled evidence around a prior that is drawn as well.

    With the prior held still, what the evidence says nothing of would look certain.
    """
    source, n = np.random.default_rng(seed), len(sample.logits)
    priors = source.normal(SHIPPED, PRECISION**-0.5, (RESAMPLES, 2))
    drawn = np.array([fit(sample.rows(source.integers(0, n, n)), prior) for prior in priors])
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def log_loss(p: Doubles, sample: Sample) -> float:
    """The mean negative log-likelihood, by weight: a proper score, lower is better."""
    held = np.clip(p, SURE, 1 - SURE)
    losses = -(sample.good * np.log(held) + (1 - sample.good) * np.log(1 - held))
    return float((sample.weights * losses).sum() / sample.weights.sum())
