"""P(good enough) by tier, from three anchors."""

import math
from decimal import Decimal

import numpy as np
import pytest

from app.config.routing import TierCalibration
from app.domain import MicroUsd, TierTerms
from app.route.chances import by_tier


def tier(capability: float, name: str = "t") -> TierTerms:
    return TierTerms(name, capability, MicroUsd(0), Decimal(0))


def one(chances: tuple[float, float, float], capability: float, calibration: TierCalibration | None = None) -> float:
    own = {"t": calibration} if calibration else {}
    return float(by_tier(np.array([chances]), [tier(capability)], own)[0, 0])


@pytest.mark.parametrize(("capability", "p"), [(0.0, 0.2), (0.5, 0.6), (1.0, 0.9)])
def test_at_an_anchor_the_chance_is_the_anchors(capability: float, p: float) -> None:
    """Nothing is lost on the way."""
    assert one((0.2, 0.6, 0.9), capability) == pytest.approx(p)


def test_between_anchors_logits_are_interpolated() -> None:
    """Half-way between .2 and .6 is where the logit is half-way."""
    middle = (math.log(0.2 / 0.8) + math.log(0.6 / 0.4)) / 2
    assert one((0.2, 0.6, 0.9), 0.25) == pytest.approx(1 / (1 + math.exp(-middle)))


def test_a_calibration_is_platt_scaling() -> None:
    """sigmoid(slope · logit + intercept), of the tier that it is of."""
    assert one((0.5, 0.5, 0.5), 0.0, TierCalibration(slope=2, intercept=1)) == pytest.approx(1 / (1 + math.exp(-1)))
    other = by_tier(np.array([[0.3, 0.5, 0.7]]), [tier(0, "a"), tier(1, "b")], {"b": TierCalibration(intercept=-20)})
    assert other[0, 0] == pytest.approx(0.3)
    assert other[0, 1] < 0.001


def test_certainties_stay_finite() -> None:
    """A head that says 0 or 1 breaks nothing."""
    assert 0 < one((0, 0, 0), 0.3) < 0.001
    assert 0.999 < one((1, 1, 1), 0.3) < 1


def test_many_prompts_are_each_as_alone() -> None:
    """One formula for the reference and the request."""
    rows = np.array([[0.1, 0.2, 0.3], [0.5, 0.7, 0.9]])
    together = by_tier(rows, [tier(0.2), tier(0.9)], {})
    assert together.shape == (2, 2)
    np.testing.assert_allclose(together[1:], by_tier(rows[1:], [tier(0.2), tier(0.9)], {}))
