"""Accounts on the real ledger: an extension of which nobody heard, and what comes when an account is closed."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.budget.account import Account
from app.budget.grants import RedisGrants
from app.budget.holding import Holder, Need
from app.budget.ledger import RedisBudgetLedger
from app.budget.retrying import RetryingLedger
from app.config.budgets import SpendingPolicy
from app.domain import Amounts, BudgetExceeded, Caller, Chunk, Limit, MicroUsd, Refusal, Reservation
from app.errors import StoreUnavailable
from app.store.client import Store
from tests.unit.budget.bench import ACME, limit, tokens

CHUNK: Chunk = {"choices": [{"index": 0, "delta": {"content": "x"}}]}
NEED = Need(10, 500, lambda _input, _output: MicroUsd(0))


class Unheard:
    """The ledger, whose next extension nobody hears of: it was `made`, or never came there."""

    def __init__(self, store: Store, *, made: bool = True) -> None:
        self.inner, self._made, self.deaf = RedisBudgetLedger(store), made, False
        self.reserve, self.settle, self.made = self.inner.reserve, self.inner.settle, self.inner.made

    async def extend(
        self, reservation: Reservation, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        deaf, self.deaf = self.deaf, False
        if not deaf or self._made:
            found = await self.inner.extend(reservation, caller, limits, amounts)
        if deaf:
            raise StoreUnavailable("unheard")
        return found


def opened(ledger: Unheard, limits: list[Limit]) -> Account:
    spending = SpendingPolicy(first_stretch=64)
    return Account(ledger, Holder("r", ACME, spending, lambda: limits, Amounts))


@pytest.mark.parametrize("made", [True, False])
async def test_what_an_engine_may_have_read_is_held_on_when_an_answer_is_looked_at(store: Store, made: bool) -> None:
    """It was given back, and others had it: any key that is issued has all answers looked at.

    Where it does not fit, it was never granted, and what was heard of is all.
    """
    limits, ledger = [limit(210)], Unheard(store, made=made)
    account = opened(ledger, limits)
    assert await account.open(NEED) is None
    ledger.deaf = True
    async for _ in account.passed([CHUNK] * 60):
        pass
    await asyncio.sleep(0.05)
    if not made:
        assert isinstance(await ledger.reserve("others", ACME, limits, tokens(50)), Reservation)
    assert await account.recheck() is None
    found = await RedisGrants(store).granted("acme", "r")
    assert found is not None
    assert found.output_tokens == (192 if made else 64)


async def test_a_limit_that_is_new_holds_nothing_of_an_answer_that_ended_as_it_was_looked_at(store: Store) -> None:
    """Nobody would settle it: it stood for a quarter of an hour, and was booked as spent then."""
    limits: list[Limit] = []
    account = opened(ledger := Unheard(store), limits)
    assert await account.open(NEED) is None
    limits.append(limit(1_000))
    look = asyncio.gather(account.recheck())
    await account.settle(tokens(5))
    await look
    assert [each.held for each in await ledger.inner.booked("acme", limits)] == [0]


class Deaf:
    """The ledger, of whose first two grants nobody hears."""

    def __init__(self, inner: RedisBudgetLedger) -> None:
        self._inner, self._deaf = inner, 2
        self.extend, self.settle, self.made = inner.extend, inner.settle, inner.made
        self.withdraw, self.book = inner.withdraw, inner.book

    async def reserve(
        self, reservation_id: str, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        found = await self._inner.reserve(reservation_id, caller, limits, amounts)
        if self._deaf:
            self._deaf -= 1
            raise StoreUnavailable("unheard")
        return found


async def test_an_account_can_be_opened_after_a_try_of_which_nobody_heard(store: Store) -> None:
    """That is taken back by its name, which it bars: who waited in line would meet a fault of ours."""
    limits, inner = [limit(1_000)], RedisBudgetLedger(store)
    ledger = RetryingLedger(Deaf(inner))
    account = Account(ledger, Holder("r", ACME, SpendingPolicy(), lambda: limits, Amounts))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await account.open(NEED)
        await ledger.drain(1)
    assert await account.open(NEED) is None
    assert [each.held for each in await inner.booked("acme", limits)] == [10 + 64]
    noted = await RedisGrants(store).noted("acme", "r")  # by who finds what its replica left when it died
    assert noted is not None
    assert noted.tokens == 10 + 64
    await account.settle(tokens(7))
    assert [(each.spent, each.held) for each in await inner.booked("acme", limits)] == [(7, 0)]


async def test_of_the_bound_of_an_input_only_what_was_read_is_used(store: Store) -> None:
    """An upstream tells that with its last chunk: others were refused, though most of the bound was to come back."""
    limits, ledger = [limit(700)], RedisBudgetLedger(store)
    account = Account(ledger, Holder("r", ACME, SpendingPolicy(first_stretch=64), lambda: limits, Amounts))
    assert await account.open(replace(NEED, input_tokens=400)) is None
    async for _ in account.passed([CHUNK] * 40):
        pass
    await asyncio.sleep(0.05)
    refused = await ledger.reserve("late", ACME, limits, tokens(250))
    assert isinstance(refused, BudgetExceeded)
    assert (refused.held, refused.is_only_held) == (400 + 192 - 40, True)
