"""What the score means."""

import numpy as np
import pytest

from app.route.complexity_scale import EASY, EASY_GAIN, HARD, HARD_GAIN, complexity


def test_the_two_points_hold() -> None:
    """The default thresholds .3 and .7 are these two losses, whatever is trained."""
    assert (EASY, HARD) == (0.3, 0.7)
    assert complexity(np.array([EASY_GAIN, HARD_GAIN])).tolist() == pytest.approx([EASY, HARD])


def test_it_rises_strictly_between_0_and_1() -> None:
    """Score and expected loss rank prompts alike: from "the weak model is better by far" to the contrary."""
    scores = complexity(np.linspace(-1, 1, 4001))
    assert (np.diff(scores) > 0).all()
    assert 0 < scores[0] < 1e-4
    assert 0.95 < scores[-1] < 1


@pytest.mark.parametrize("gain", [EASY_GAIN, HARD_GAIN])
def test_the_pieces_meet(gain: float) -> None:
    """No jump at the points where the formula changes."""
    before, at, after = complexity(np.array([gain - 1e-9, gain, gain + 1e-9]))
    assert before == pytest.approx(at, abs=1e-6)
    assert after == pytest.approx(at, abs=1e-6)
