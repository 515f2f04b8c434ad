"""The numbers of the model card, on cases that can be counted by hand."""

import math

import numpy as np
import pytest

from app.route.metrics import apgr, auc, calibration_error


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
    """Two equal models leave nothing to recover."""
    assert math.isnan(apgr(np.array([1.0, 2.0]), np.array([1.0, -1.0])))


def test_calibration_error_is_the_gap_by_bin() -> None:
    """0.25 says one of four; two of four came: half of the prompts are off by 0.25, half by nothing."""
    scores = np.array([0.25] * 4 + [1.0] * 4)
    labels = np.array([1.0, 1, 0, 0, 1, 1, 1, 1])
    assert calibration_error(scores, labels) == pytest.approx(0.125)
