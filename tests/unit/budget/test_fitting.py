"""How much of an answer fits where all of it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.budget.fitting import fitting
from app.domain import BudgetExceeded, Limit, MicroUsd, Scope, ScopeStopped, Unit


def refusal(unit: Unit, remaining: int, requested: int) -> BudgetExceeded:
    return BudgetExceeded(Limit(Scope("acme"), unit, 1_000), remaining, requested, None)


def price(tokens: int) -> MicroUsd:
    """Ten for the input, a token and a half of a micro-dollar for each of output, rounded up."""
    return MicroUsd(10 + (3 * tokens + 1) // 2)


@pytest.mark.parametrize("unit", [Unit.TOKENS, Unit.OUTPUT_TOKENS])
def test_tokens_are_cut_by_what_is_too_many(unit: Unit) -> None:
    """Of 64 asked 14 are too many, whatever else the request needs."""
    assert fitting(refusal(unit, 60, 74), 64, price) == 50


def test_where_the_input_alone_does_not_fit_it_is_negative() -> None:
    """No output is as much as is too much."""
    fits = fitting(refusal(Unit.TOKENS, 5, 74), 64, price)
    assert fits is not None
    assert fits < 0
    assert fitting(refusal(Unit.MICRO_USD, 5, price(64)), 64, price) == -1


@given(st.integers(0, 500), st.integers(1, 400))
def test_money_buys_the_most_tokens_that_it_can(remaining: int, output: int) -> None:
    """One token more would be too dear; prices are rounded, so that some tokens are free beside others."""
    if price(output) <= remaining:
        return
    fits = fitting(refusal(Unit.MICRO_USD, remaining, price(output)), output, price)
    assert fits is not None
    assert fits < output
    assert fits == -1 or price(fits) <= remaining
    assert price(fits + 1) > remaining


@pytest.mark.parametrize("unit", [Unit.INPUT_TOKENS, Unit.REQUESTS, Unit.CONCURRENT])
def test_fewer_output_tokens_help_nothing_else(unit: Unit) -> None:
    """Whether a request may be made, or how much it reads."""
    assert fitting(refusal(unit, 0, 1), 64, price) is None


def test_a_stopped_scope_lets_nothing_through() -> None:
    """However little."""
    assert fitting(ScopeStopped(Scope("acme")), 64, price) is None
