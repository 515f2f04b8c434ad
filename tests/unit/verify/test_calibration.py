"""From logits to P(same), and from a rate of false hits to a point on it."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.verify.calibration import CALIBRATION, Calibration, Posterior, Realm, Scale, realm_of
from app.verify.verdicts import Regime

SCALE = Scale([-2.0, 0.0, 1.5, 1.5, 4.0], [0.8, 0.2, 0.05, 0.04, 0.001])
LOGITS = st.floats(-50, 50)
RATES = st.floats(1e-4, 1.0)


POSTERIORS = {regime: Posterior(1.0, 2.0, -2.0) for regime in Regime}


def calibration() -> Calibration:
    steep = Scale([0.0, 8.0], [1.0, 0.0001])
    scales = {Realm.QUESTION: SCALE, Realm.STATEMENT: steep, Realm.PROBLEM: steep, Realm.OWN: SCALE}
    return Calibration(POSTERIORS, scales, slope=2.5, offset=-3.0, version="v")


def test_odds_are_those_of_the_regression() -> None:
    """Logit and cosine, weighted, and the offset."""
    assert Posterior(2.0, 3.0, -1.0).odds(0.5, 0.9) == pytest.approx(2.0 * 0.5 + 3.0 * 0.9 - 1.0)


def test_every_regime_has_a_realm() -> None:
    """Statements, problems and what is asked in the first person have scales of their own."""
    assert {realm_of(regime) for regime in Regime} == set(Realm)
    assert realm_of(Regime.PROBLEM) is Realm.PROBLEM
    assert {realm_of(Regime.OWN_QUESTION), realm_of(Regime.OWN_STATEMENT)} == {Realm.OWN}


@pytest.mark.parametrize(("logit", "rate"), [(-50.0, 1.0), (-2.01, 1.0), (0.0, 0.2), (4.0, 0.001), (50.0, 0.001)])
def test_the_false_rate_at_the_edges(logit: float, rate: float) -> None:
    """Below the first point anything may be; beyond the last nothing better is known than its rate."""
    assert SCALE.false_rate(logit) == pytest.approx(rate)


def test_between_two_points_the_logarithm_is_linear() -> None:
    """Half of the way from 0.2 to 0.05 is their geometric mean."""
    assert SCALE.false_rate(0.75) == pytest.approx(math.sqrt(0.2 * 0.05))


def test_a_scale_of_one_point_lets_nothing_through() -> None:
    """A regime without different pairs in calibration has proven nothing."""
    assert {Scale([0.0], [1.0]).false_rate(logit) for logit in (-1.0, 0.0, 99.0)} == {1.0}


@settings(deadline=None, max_examples=50)
@given(LOGITS, LOGITS)
def test_a_higher_logit_is_never_less_same(one: float, other: float) -> None:
    """Neither on a scale nor in P(same)."""
    low, high = sorted((one, other))
    assert SCALE.false_rate(low) >= SCALE.false_rate(high)
    assert calibration().p_same(low, 0.9, Regime.SMALL) <= calibration().p_same(high, 0.9, Regime.SMALL)


@settings(deadline=None, max_examples=50)
@given(RATES, RATES)
def test_a_lower_rate_asks_for_more(one: float, other: float) -> None:
    """And P(same) stays a probability."""
    low, high = sorted((one, other))
    assert 0 < calibration().of_rate(high) <= calibration().of_rate(low) < 1


@settings(deadline=None, max_examples=50)
@given(LOGITS, RATES, st.sampled_from(list(Regime)))
def test_an_operating_point_is_one_false_rate_in_every_regime(logit: float, rate: float, regime: Regime) -> None:
    """What passes the point of a rate is what has that false rate or less, whatever the regime."""
    found = calibration()
    actual = found.scales[realm_of(regime)].false_rate(POSTERIORS[regime].odds(logit, 0.9))
    if not math.isclose(actual, rate, rel_tol=1e-9):
        assert (found.p_same(logit, 0.9, regime) > found.of_rate(rate)) is (actual < rate)


def written() -> dict[str, Any]:
    return {
        "version": "v",
        "slope": 2.5,
        "offset": -3.0,
        "posteriors": {regime.value: {"logit": 1.0, "cosine": 2.0, "offset": -2.0} for regime in Regime},
        "scales": {realm.value: {"odds": s.odds, "rates": s.rates} for realm, s in calibration().scales.items()},
    }


def test_the_file_gives_back_what_was_written(tmp_path: Path) -> None:
    """Every regime and realm, by its name."""
    (tmp_path / CALIBRATION).write_text(json.dumps(written()), encoding="utf-8")
    found = Calibration.load(tmp_path)
    assert replace(found, version="v") == calibration()


def test_another_calibration_is_another_version() -> None:
    """The model's version begins it; what was stored under other rates is no hit under these."""
    one, same, other = Calibration.of(written()), Calibration.of(written()), Calibration.of({**written(), "slope": 2.6})
    assert one.version.startswith("v-")
    assert one.version == same.version
    assert one.version != other.version


def test_no_file_is_a_fault(tmp_path: Path) -> None:
    """A verifier without calibration would be one that guesses."""
    with pytest.raises(OSError, match=CALIBRATION):
        Calibration.load(tmp_path)
