"""Flat probabilities: the head sees no difference between the tiers, and does not know that the cheapest will do."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from app.domain import TierTerms
from app.route.chances import Doubles

LEAST_GAIN = 0.05
"""From capability 0 to 1; a pair of tiers that is nearer to each other owes as much less."""

CONFIDENT = 0.25
"""At or above it "no difference" is an answer: the cheap tier is as good as the best. Below it both are expected to
fail, and of that the head knows least. On held-out MMLU 0.6 sent 6% of the prompts to the best tier, which was worse
on them."""


def is_flat(p: Doubles, tiers: Sequence[TierTerms]) -> npt.NDArray[np.bool_]:
    """Per row of `p` (n, tiers): the best tier's P is hardly above the cheapest's, and that is not high either."""
    distance = tiers[-1].capability - tiers[0].capability
    gain = np.abs(p[:, -1] - p[:, 0])
    return np.asarray((gain < LEAST_GAIN * distance) & (p[:, 0] < CONFIDENT))
