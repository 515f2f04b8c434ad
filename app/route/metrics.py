"""How good a score is: AUC, APGR by RouteLLM's definition, expected calibration error. Numpy only."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]


def auc(scores: Array, failed: npt.NDArray[np.bool_]) -> float:
    """P(a failed prompt scores higher than another), ties half; nan when one class is missing. Shapes (n,)."""
    _, ranks_of, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[ranks_of]
    bad = int(failed.sum())
    good = len(failed) - bad
    if not bad or not good:
        return float("nan")
    return float((ranks[failed].sum() - bad * (bad + 1) / 2) / (bad * good))


def apgr(scores: Array, gains: Array) -> float:
    """Average performance gap recovered (RouteLLM, arXiv:2406.18665): 0.5 is a random router, 1 all of the gap
    at no share of strong calls.

    `gains` are strong minus weak score by prompt, shape (n,). For every share of calls sent to the strong model, the
    highest scores first, PGR is the part of the gap between always-weak and always-strong that is closed; APGR is its
    mean over shares 0–1 (trapezoids). Prompts of equal score share their gain, so that order in the file is nothing.
    nan when both models are equally good in sum.
    """
    if not gains.sum():
        return float("nan")
    levels, which = np.unique(-scores, return_inverse=True)
    gain = np.bincount(which, weights=gains, minlength=len(levels))
    count = np.bincount(which, minlength=len(levels))
    closed = np.concatenate([[0.0], np.cumsum(gain)]) / gains.sum()
    share = np.concatenate([[0.0], np.cumsum(count)]) / len(scores)
    return float(np.trapezoid(closed, share))


def calibration_error(scores: Array, labels: Array, bins: int = 10) -> float:
    """Expected calibration error: mean |score − label| by score bin of equal width, weighted by prompts. 0 is best."""
    which = np.minimum((scores * bins).astype(int), bins - 1)
    count = np.maximum(np.bincount(which, minlength=bins), 1)
    gaps = np.bincount(which, weights=scores - labels, minlength=bins) / count
    return float((np.abs(gaps) * np.bincount(which, minlength=bins)).sum() / len(scores))
