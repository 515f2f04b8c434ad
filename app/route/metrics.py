"""How good scores and decisions are: AUC, PGR, APGR and CPT by RouteLLM's definitions, calibration error, quality kept.

Numpy only. RouteLLM is Ong et al., "RouteLLM: Learning to Route LLMs with Preference Data", arXiv:2406.18665.
What costs and several tiers need is in `frontier`, how sure a number is in `resampling`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Doubles = npt.NDArray[np.float64]


def auc(scores: Array, failed: npt.NDArray[np.bool_]) -> float:
    """P(a failed prompt scores higher than another), ties half; nan when one class is missing. Shapes (n,)."""
    _, ranks_of, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[ranks_of]
    bad = int(failed.sum())
    good = len(failed) - bad
    if not bad or not good:
        return float("nan")
    return float((ranks[failed].sum() - bad * (bad + 1) / 2) / (bad * good))


def pgr_curve(scores: Array, gains: Array) -> tuple[Doubles, Doubles]:
    """Share of calls to the strong model, rising from 0 to 1, and PGR at each.

    PGR, the performance gap recovered (RouteLLM), is the part of the gap between always-weak and
    always-strong that is closed when the prompts of the highest scores go to the strong model. `gains` are strong minus
    weak score by prompt, shape (n,). Prompts of equal score share their gain: between two points the curve is straight,
    so that order in the file is nothing. PGR is nan when both models are equally good in sum.
    """
    levels, which = np.unique(-scores, return_inverse=True)
    gain = np.bincount(which, weights=gains, minlength=len(levels))
    count = np.bincount(which, minlength=len(levels))
    gap = gains.sum() or np.nan
    return np.append(0.0, np.cumsum(count)) / len(scores), np.append(0.0, np.cumsum(gain)) / gap


def apgr(scores: Array, gains: Array) -> float:
    """Average performance gap recovered (RouteLLM): 0.5 is a random router, 1 all of the gap
    at no share of strong calls.

    The mean of PGR over the shares 0–1, by trapezoids: the integral that RouteLLM approximates at ten shares. nan when
    the strong model is not the better one in sum: there is no gap to recover.
    """
    share, closed = pgr_curve(scores, gains)
    return float(np.trapezoid(closed, share)) if gains.sum() > 0 else float("nan")


def cpt(scores: Array, gains: Array, recovered: float) -> float:
    """Call-performance threshold (RouteLLM): the least share of calls to the strong model, 0–1, at which
    PGR reaches `recovered`; CPT(50%) is `cpt(…, 0.5)`. A random router needs as much as it recovers.

    nan as above.
    """
    return first_reach(*pgr_curve(scores, gains), recovered) if gains.sum() > 0 else float("nan")


def first_reach(x: Array, y: Array, level: float) -> float:
    """The least x at which the polyline through (x, y) reaches `level`; x does not fall. nan when it never does."""
    reached = np.flatnonzero(y >= level)
    if not len(reached):
        return float("nan")
    at = int(reached[0])
    if at == 0 or y[at] == y[at - 1]:
        return float(x[at])
    part = (level - y[at - 1]) / (y[at] - y[at - 1])
    return float(x[at - 1] + part * (x[at] - x[at - 1]))


def calibration_error(scores: Array, labels: Array, weights: Array | None = None, bins: int = 10) -> float:
    """Expected calibration error: mean |score − label| by score bin of equal width, by weight. 0 is best.

    (Naeini, Cooper, Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015.) Labels
    may be shares, 0–1; without `weights` each prompt counts 1. Shapes (n,).
    """
    counts = np.ones(len(scores)) if weights is None else weights
    which = np.minimum((scores * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=counts * (scores - labels), minlength=bins)
    return float(np.abs(gaps).sum() / counts.sum())


def kept(chosen: Array, best: Array) -> float:
    """The sum of what the chosen tiers give as a share of what always-best gives: quality kept, or cost spent.

    Shapes (n,). nan when the best gives nothing.
    """
    return float(chosen.sum() / best.sum()) if best.sum() else float("nan")
