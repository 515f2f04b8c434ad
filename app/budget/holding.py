"""For whom and for what an account is held, and the arithmetic of its amounts."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import add

from app.config.budgets import SpendingPolicy
from app.domain import Amounts, BudgetExceeded, Caller, Limit, MicroUsd, Refusal, Remaining, Reservation, Unit
from app.errors import LeanServeError, StoreUnavailable

logger = logging.getLogger("leanserve.budget")

AMPLE = 50
"""Where a limit leaves so many times what an account holds, nobody is refused for what is given back a moment late."""

WORD_S = 1.0
"""What a last try takes, with a store that is slow, and its engine's look at the books after it."""

Price = Callable[[int, int], MicroUsd]
"""What so many input and output tokens cost at most."""


@dataclass(frozen=True, slots=True)
class Holder:
    """For whom an account is kept. `limits` gives those of now; `spent` what ended attempts have cost.

    `requests` is what it counts for in limits on requests: 0 for what LeanServe asks on its own account.
    """

    id: str
    caller: Caller
    spending: SpendingPolicy
    limits: Callable[[], Sequence[Limit]]
    spent: Callable[[], Amounts]
    requests: int = 1

    @property
    def patience_s(self) -> float:
        """How long an engine waits for more: as long as its account asks (`may_change`), and that takes to reach it."""
        return self.spending.wait_for_held_s + self.spending.wait_for_store_s + WORD_S


@dataclass(frozen=True, slots=True)
class Need:
    """What an answer may need: input tokens at most, output tokens at most (all choices), and their price.

    `choices` answers are made side by side, to `prompts`. `whole` says that it cannot grow on the way.
    """

    input_tokens: int
    output_tokens: int
    price: Price
    choices: int = 1
    prompts: int = 1
    whole: bool = False


def capped(amounts: Amounts, most: Amounts) -> Amounts:
    """Of each unit the smaller."""
    return _each(min, amounts, most)


def most(one: Amounts, other: Amounts) -> Amounts:
    """Of each unit the larger."""
    return _each(max, one, other)


def plus(one: Amounts, other: Amounts) -> Amounts:
    """Of each unit the sum."""
    return _each(add, one, other)


def _each(of: Callable[[int, int], int], one: Amounts, other: Amounts) -> Amounts:
    return Amounts(
        of(one.input_tokens, other.input_tokens),
        of(one.output_tokens, other.output_tokens),
        MicroUsd(of(one.micro_usd, other.micro_usd)),
        of(one.requests, other.requests),
        of(one.concurrent, other.concurrent),
    )


def beyond(spent: Amounts, seen: int, made: int, price: Callable[[int], MicroUsd]) -> Amounts:
    """`spent`, in which are `seen` output tokens of an engine that `made` more; `price` is of so much output."""
    more = max(made - seen, 0)
    cost = MicroUsd(spent.micro_usd + price(seen + more) - price(seen))
    return replace(spent, output_tokens=spent.output_tokens + more, micro_usd=cost)


def within(spent: Amounts, reservation: Reservation) -> Amounts:
    """Never more than was held: what an engine made beyond its grant nobody was given."""
    allowed = capped(spent, reservation.amounts)
    if allowed != spent:
        logger.error("reservation=%s spent %s, more than its %s", reservation.id, spent, reservation.amounts)
    return allowed


def left_after(reservation: Reservation, spent: Amounts) -> tuple[Remaining, ...]:
    """What each limit leaves once the rest of the hold is given back; others may have spent meanwhile."""
    held, found = reservation.amounts, []
    for each in reservation.left:  # of every request: `dataclasses.replace` takes five times as long
        unit = each.limit.unit
        found.append(Remaining(each.limit, each.amount + held.of(unit) - spent.of(unit), each.resets_in_s))
    return tuple(found)


def left_by(refusal: BudgetExceeded) -> tuple[Remaining, ...]:
    """What is known to be left where nothing was granted: of the limit that refused."""
    return (Remaining(refusal.limit, refusal.remaining, refusal.resets_in_s),)


def may_change(
    refusal: Refusal | None, fault: LeanServeError | None, waited_s: float, spending: SpendingPolicy
) -> bool:
    """Whether to ask again in the middle of an answer, after `waited_s`.

    Others may give back what they hold; a store that is started anew comes back.
    """
    if refusal:
        held = isinstance(refusal, BudgetExceeded) and refusal.is_only_held
        return held and waited_s < spending.wait_for_held_s
    return isinstance(fault, StoreUnavailable) and waited_s < spending.wait_for_store_s


def ample(reservation: Reservation | None) -> bool:
    """Whether every limit leaves plenty beside what is held, if anything is."""
    return reservation is None or all(
        each.limit.unit is not Unit.CONCURRENT and each.amount >= AMPLE * reservation.amounts.of(each.limit.unit)
        for each in reservation.left
    )
