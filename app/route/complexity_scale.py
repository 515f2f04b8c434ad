"""The complexity score: what it means, as one formula.

A prompt's *gain* is the quality that is expected to be lost when a weak model answers it instead of a strong one: the
strong model's score minus the weak one's, each 0–1. The complexity is a rising function of it, fixed by two points, so
that the default thresholds have a meaning that no retraining moves.
"""

import numpy as np
import numpy.typing as npt

EASY, EASY_GAIN = 0.3, 0.063
"""A complexity of 0.3 is an expected loss of 6.3 points of 100 when a weak model answers: chosen so that 99% of
always-strong's quality is left on the domains that were trained on (the model card's columns "off" and "kept")."""

HARD, HARD_GAIN = 0.7, 0.08
"""A complexity of 0.7 is an expected loss of 8 points; a model half way between weak and strong loses half of it."""

BELOW, ABOVE = 0.08, 0.2
"""How fast the complexity falls towards 0 below the first point and rises towards 1 above the second, in gain."""

Doubles = npt.NDArray[np.float64]


def complexity(gain: Doubles) -> Doubles:
    """0 (easy) to 1 (hard) for an expected gain, −1 to 1.

    Linear between the two points, exponential towards 0 and 1: strictly rising, so that both rank prompts alike.
    """
    low = EASY * np.exp((np.minimum(gain, EASY_GAIN) - EASY_GAIN) / BELOW)
    between = EASY + (HARD - EASY) * (gain - EASY_GAIN) / (HARD_GAIN - EASY_GAIN)
    high = 1 - (1 - HARD) * np.exp(-(np.maximum(gain, HARD_GAIN) - HARD_GAIN) / ABOVE)
    return np.where(gain < EASY_GAIN, low, np.where(gain > HARD_GAIN, high, between))
