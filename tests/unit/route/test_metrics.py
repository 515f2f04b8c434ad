"""The numbers of the model card, on cases that can be counted by hand."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.route.metrics import apgr, auc, calibration_error, cpt, first_reach, kept, pgr_curve

Floats = npt.NDArray[np.float64]
prompts = st.integers(1, 20)
scores_of = arrays(float, prompts, elements=st.floats(0, 1, width=16))


def test_auc_counts_pairs_in_the_right_order() -> None:
    """Three of the four pairs are ordered; a tie counts half."""
    failed = np.array([True, False, True, False])
    assert auc(np.array([0.9, 0.8, 0.7, 0.1]), failed) == pytest.approx(0.75)
    assert auc(np.array([0.5, 0.5, 0.5, 0.5]), failed) == pytest.approx(0.5)
    assert math.isnan(auc(np.array([0.1, 0.2]), np.array([True, True])))


def test_apgr_is_half_for_a_constant_score_and_rises_with_the_order() -> None:
    """One prompt of four gains: found first 0.875 of the area, found last 0.125."""
    gains = np.array([1.0, 0.0, 0.0, 0.0])
    assert apgr(np.ones(4), gains) == pytest.approx(0.5)
    assert apgr(np.array([4.0, 3, 2, 1]), gains) == pytest.approx(0.875)
    assert apgr(np.array([1.0, 2, 3, 4]), gains) == pytest.approx(0.125)


def test_apgr_counts_what_the_strong_model_loses() -> None:
    """Sending its losses to the strong model costs area: gap 1 of two wins and one loss."""
    gains = np.array([1.0, 1.0, -1.0])
    assert apgr(np.array([3.0, 2, 1]), gains) == pytest.approx((0.5 + 1.5 + 1.5) / 3)


def test_apgr_without_a_gap_is_not_a_number() -> None:
    """Two equal models leave nothing to recover, and a strong one that is the worse one less than nothing."""
    assert math.isnan(apgr(np.array([1.0, 2.0]), np.array([1.0, -1.0])))
    assert math.isnan(apgr(np.array([1.0, 2.0]), np.array([0.0, -1.0])))


def test_calibration_error_is_the_gap_by_bin() -> None:
    """0.25 says one of four; two of four came: half of the prompts are off by 0.25, half by nothing."""
    scores = np.array([0.25] * 4 + [1.0] * 4)
    labels = np.array([1.0, 1, 0, 0, 1, 1, 1, 1])
    assert calibration_error(scores, labels) == pytest.approx(0.125)


def test_the_calibration_error_is_weighted() -> None:
    """Two bins: one is off by 0.3 with three quarters of the weight, the other is right."""
    scores, labels, weights = np.array([0.7, 0.7, 0, 0]), np.array([1.0, 1, 0, 0]), np.array([1.5, 1.5, 0.5, 0.5])
    assert calibration_error(scores, labels, weights) == pytest.approx(0.3 * 0.75)


def test_cpt_is_the_least_share_of_strong_calls() -> None:
    """One prompt of four gains: found first, half of the gap needs an eighth of the calls; found last, .8 needs .95."""
    gains = np.array([1.0, 0.0, 0.0, 0.0])
    assert cpt(np.array([4.0, 3, 2, 1]), gains, 0.5) == pytest.approx(0.125)
    assert cpt(np.array([1.0, 2, 3, 4]), gains, 0.8) == pytest.approx(0.95)
    assert cpt(np.ones(4), gains, 0.8) == pytest.approx(0.8)


def test_cpt_is_the_first_share_that_reaches_although_pgr_falls_again() -> None:
    """Wins first, a loss last: all of the gap of 1 is closed after one call, 2 after two, 1 after all."""
    gains = np.array([1.0, 1.0, -1.0])
    scores = np.array([3.0, 2, 1])
    assert pgr_curve(scores, gains)[1].tolist() == [0, 1, 2, 1]
    assert cpt(scores, gains, 1.0) == pytest.approx(1 / 3)
    assert cpt(-scores, gains, 0.5) == pytest.approx(2.5 / 3)


def test_there_is_no_cpt_without_a_gap() -> None:
    """A strong model that is as good or worse recovers nothing."""
    scores = np.array([1.0, 2.0])
    assert math.isnan(cpt(scores, np.array([1.0, -1.0]), 0.5))
    assert math.isnan(cpt(scores, np.array([0.0, -1.0]), 0.5))


def test_a_level_that_is_never_reached_has_no_place() -> None:
    """A level at the beginning is reached there."""
    x, y = np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.5, 0.5])
    assert first_reach(x, y, 0.0) == 0
    assert first_reach(x, y, 0.25) == pytest.approx(0.5)
    assert math.isnan(first_reach(x, y, 0.6))


def test_kept_is_a_share_of_the_best() -> None:
    """3 of 4, and no share of nothing."""
    assert kept(np.array([1.0, 1, 1, 0]), np.ones(4)) == pytest.approx(0.75)
    assert math.isnan(kept(np.ones(2), np.zeros(2)))


@given(scores_of, st.data())
def test_an_order_and_its_reverse_have_apgr_that_sum_to_one(scores: Floats, data: st.DataObject) -> None:
    """So a constant score has one half; and the order of the prompts in the file is nothing."""
    gains = data.draw(arrays(float, len(scores), elements=st.sampled_from([-1.0, 0.0, 1.0])))
    if gains.sum() <= 0:
        return
    assert apgr(scores, gains) + apgr(-scores, gains) == pytest.approx(1)
    assert apgr(np.zeros_like(scores), gains) == pytest.approx(0.5)
    assert apgr(scores[::-1], gains[::-1]) == pytest.approx(apgr(scores, gains))


@given(scores_of, st.data(), st.floats(0.05, 1))
def test_cpt_is_a_share_and_rises_with_what_is_asked(scores: Floats, data: st.DataObject, recovered: float) -> None:
    """At that share PGR is what was asked; a constant score needs as much as it recovers."""
    gains = data.draw(arrays(float, len(scores), elements=st.sampled_from([-0.5, 0.0, 0.25, 1.0])))
    if gains.sum() <= 0:
        return
    found = cpt(scores, gains, recovered)
    assert 0 < found <= 1
    assert np.interp(found, *pgr_curve(scores, gains)) == pytest.approx(recovered, abs=1e-6)
    assert cpt(scores, gains, recovered / 2) <= found
    assert cpt(np.zeros_like(scores), gains, recovered) == pytest.approx(recovered)
