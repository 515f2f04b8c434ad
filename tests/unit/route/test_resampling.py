"""Intervals by resampling prompts."""

import math

import numpy as np
import pytest

from app.route.frontier import Ints
from app.route.resampling import Estimate, bootstrap


def test_the_interval_of_a_mean_is_that_of_the_textbook() -> None:
    """400 throws of a fair coin: the mean ± 1.96 standard errors of 0.025, within the noise of the resampling."""
    coin = np.tile([0.0, 1.0], 200)
    [found] = bootstrap(400, lambda rows: coin[rows].mean(), resamples=2_000)
    assert found.value == 0.5
    assert (found.low, found.high) == pytest.approx((0.451, 0.549), abs=0.005)


def test_what_is_compared_is_compared_on_the_same_prompts() -> None:
    """Two numbers that differ by 1 on every prompt differ by 1 in every resample."""
    values = np.random.default_rng(1).normal(size=50)
    found = bootstrap(50, lambda rows: [values[rows].mean(), (values[rows] + 1).mean() - values[rows].mean()])
    assert found[0].high > found[0].low
    assert (found[1].value, found[1].low, found[1].high) == pytest.approx((1, 1, 1))


def test_the_same_seed_gives_the_same_interval() -> None:
    """And another seed another one."""
    values = np.random.default_rng(1).normal(size=50)

    def mean(rows: Ints) -> float:
        return float(values[rows].mean())

    assert bootstrap(50, mean, seed=3) == bootstrap(50, mean, seed=3) != bootstrap(50, mean, seed=4)


def test_a_number_that_is_missing_in_some_resamples_has_the_interval_of_the_others() -> None:
    """One that is always missing has none."""
    some, never = bootstrap(3, lambda rows: [1.0 if 0 in rows else math.nan, math.nan])
    assert some == Estimate(1, 1, 1)
    assert all(map(math.isnan, (never.value, never.low, never.high)))
