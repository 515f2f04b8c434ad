"""From the chances at three capabilities to P(good enough) by tier. Numpy, one formula for one prompt and for many."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from app.config.routing import TierCalibration
from app.domain import TierTerms

Doubles = npt.NDArray[np.float64]

ANCHORS = np.array([0.0, 0.5, 1.0])
"""The capabilities that `Judgement.chances` are of."""

SURE = 1e-4
"""No chance is nearer to 0 or 1: a logit must stay finite."""


def by_tier(chances: Doubles, tiers: Sequence[TierTerms], calibration: Mapping[str, TierCalibration]) -> Doubles:
    """P(good enough), 0–1, of shape (n, tiers), for `chances` of shape (n, 3).

    Between the anchors logits are interpolated linearly; then the tier's own calibration, Platt's
    sigmoid(slope · logit + intercept), corrects them. Not a number stays not a number.
    """
    logits = logit(np.clip(chances, SURE, 1 - SURE))
    weights = anchor_weights(np.array([tier.capability for tier in tiers]))
    own = [calibration.get(tier.name) or TierCalibration() for tier in tiers]
    slopes = np.array([each.slope for each in own])
    intercepts = np.array([each.intercept for each in own])
    return sigmoid((logits @ weights) * slopes + intercepts)


def anchor_weights(capabilities: Doubles) -> Doubles:
    """How much each anchor counts for each capability, shape (3, tiers): hat functions, columns sum to 1."""
    distance = np.abs(ANCHORS[:, None] - np.clip(capabilities, 0, 1)[None, :])
    return np.asarray(np.maximum(0, 1 - 2 * distance))


def logit(chance: Doubles) -> Doubles:
    """ln(p / (1 − p)) for p within (0, 1)."""
    return np.asarray(np.log(chance / (1 - chance)))


def sigmoid(value: Doubles) -> Doubles:
    """1 / (1 + e^−x), without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(value, -500, 500))))
