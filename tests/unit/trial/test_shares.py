"""Exact bounds on shares."""

from math import log

import pytest

from app.trial.shares import Share, is_below, least_of, upper_bound


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion" (Statistics in Medicine 17, 1998), table I
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_the_interval_is_that_of_clopper_and_pearson(count: int, of: int, low: float, high: float) -> None:
    """To the four digits that were published."""
    assert Share(count, of).interval() == pytest.approx((low, high), abs=5e-5)


def test_of_nothing_nothing_is_known() -> None:
    """And of all of them only that it is not little."""
    assert Share(0, 0).rate is None
    assert Share(0, 0).interval() == (0.0, 1.0)
    assert Share(10, 10).interval() == pytest.approx((0.025 ** (1 / 10), 1.0))


@pytest.mark.parametrize(("count", "of"), [(0, 299), (3, 800), (40, 5_000), (9_000, 10_000)])
def test_a_rate_is_below_exactly_where_the_bound_is(count: int, of: int) -> None:
    """One test, two ways to ask it."""
    bound = upper_bound(count, of)
    assert is_below(count, of, bound * 1.0001)
    assert not is_below(count, of, bound * 0.9999)


def test_how_many_are_needed() -> None:
    """Without a false hit: log 0.05 / log 0.99, the "rule of three". With some, more; one less never does."""
    assert least_of(0, 0.01) == 299 == int(log(0.05) / log(0.99)) + 1
    for count in (0, 1, 7):
        for rate in (0.001, 0.01, 0.3):
            least = least_of(count, rate)
            assert is_below(count, least, rate)
            assert not is_below(count, least - 1, rate)
