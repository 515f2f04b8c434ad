"""How much of an answer still fits where all that was asked does not."""

from collections.abc import Callable
from dataclasses import replace

from app.domain import BudgetExceeded, MicroUsd, Refusal, Unit


def fitting(refusal: Refusal, output: int, price: Callable[[int], MicroUsd]) -> int | None:
    """The most output tokens, fewer than the `output` that was refused, that the refusing limit lets through.

    `price` is what so many cost. None where fewer output tokens would not help. It may be negative: then the input
    alone does not fit.
    """
    if not isinstance(refusal, BudgetExceeded):
        return None
    excess = refusal.requested - refusal.remaining
    match refusal.limit.unit:
        case Unit.TOKENS | Unit.OUTPUT_TOKENS:
            return output - excess
        case Unit.MICRO_USD:
            return _affordable(price(output) - excess, output, price)
    return None


def at_least(refusal: Refusal, output: int, least: int, price: Callable[[int], MicroUsd]) -> Refusal:
    """`refusal` of `output` tokens, told as that of the `least` that would have done: that must fit in a retry."""
    if not isinstance(refusal, BudgetExceeded):
        return refusal
    match refusal.limit.unit:
        case Unit.TOKENS | Unit.OUTPUT_TOKENS:
            spare = output - least
        case Unit.MICRO_USD:
            spare = price(output) - price(least)
        case _:
            spare = 0
    return replace(refusal, requested=max(refusal.requested - spare, refusal.remaining + 1))


def _affordable(money: int, output: int, price: Callable[[int], MicroUsd]) -> int:
    """By bisection: prices rise with the tokens, and are rounded. -1 where even none is too dear."""
    low, high = -1, output
    while high - low > 1:
        middle = (low + high) // 2
        if price(middle) <= money:
            low = middle
        else:
            high = middle
    return low
