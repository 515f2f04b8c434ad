"""Spending without a ledger: an allowance, and the books afterwards."""

import asyncio

import pytest

from app.budget.fail_open import FailOpenLedger
from app.budget.ledger import RedisBudgetLedger
from app.config.gateway import StoreSpec
from app.domain import Amounts, Caller, Limit, Reservation, Scope, ScopeStopped, Unit
from app.errors import StoreUnavailable
from app.store.client import open_store
from app.store.embedded import free_port
from tests.fakes import FakeBudgetLedger

CALLER = Caller("acme")
LIMITS = [Limit(Scope("acme"), Unit.TOKENS, 50)]
TEN = Amounts(5, 5, requests=1, concurrent=1)


async def soon(_seconds: float) -> None:
    await asyncio.sleep(0)


def opened(allowance: int) -> tuple[FakeBudgetLedger, FailOpenLedger]:
    inner = FakeBudgetLedger()
    return inner, FailOpenLedger(inner, lambda: allowance, sleep=soon)


async def held(ledger: FailOpenLedger, name: str = "r", amounts: Amounts = TEN) -> Reservation:
    granted = await ledger.reserve(name, CALLER, LIMITS, amounts)
    assert isinstance(granted, Reservation)
    return granted


async def test_without_an_allowance_it_fails_closed() -> None:
    """The default: nobody spends what nobody counts."""
    inner, ledger = opened(0)
    inner.faults = 1
    with pytest.raises(StoreUnavailable):
        await held(ledger)


async def test_an_allowance_is_let_through_and_no_token_more() -> None:
    """Twenty tokens: two of ten, and the third is refused; an extension counts as well."""
    inner, ledger = opened(20)
    inner.faults = 1000
    first = await held(ledger, "1")
    await held(ledger, "2")
    with pytest.raises(StoreUnavailable):
        await held(ledger, "3")
    with pytest.raises(StoreUnavailable):
        await ledger.extend(first, CALLER, LIMITS, Amounts(5, 6))


async def test_what_was_let_through_is_booked_when_the_store_is_back() -> None:
    """Beyond the limit too, and though it is stopped meanwhile: it was spent."""
    inner, ledger = opened(100)
    inner.faults = 1
    granted = await held(ledger, amounts=Amounts(40, 40, requests=1, concurrent=1))
    spent = Amounts(40, 33, requests=1)
    inner.faults, inner.stopped = 2, ScopeStopped(Scope("acme"), "all the more")
    await ledger.settle(granted, spent)
    for _ in range(20):
        await asyncio.sleep(0)
    assert inner.settled == [spent]


async def test_the_allowance_begins_anew_once_the_store_answers() -> None:
    """Another outage, another allowance."""
    inner, ledger = opened(10)
    inner.faults = 1
    await held(ledger, "1")
    await held(ledger, "2")
    inner.faults = 1
    await held(ledger, "3")


async def test_a_grant_that_no_store_gave_is_no_sign_of_its_return() -> None:
    """Who has no limits is not counted by it, and let nobody else through anew: twenty tokens are two of ten."""
    store = await open_store(f"redis://127.0.0.1:{free_port()}", StoreSpec())
    ledger = FailOpenLedger(RedisBudgetLedger(store), lambda: 20)
    for name in ("1", "2"):
        await held(ledger, name)
        assert isinstance(await ledger.reserve(f"free-{name}", Caller("rich"), [], TEN), Reservation)
    with pytest.raises(StoreUnavailable):
        await held(ledger, "3")
    await store.close()


async def test_what_was_held_and_not_spent_lets_the_next_ones_through() -> None:
    """Twenty tokens: ten are held for each, two of them spent. Six fit one after the other, where two would else."""
    inner, ledger = opened(20)
    inner.faults = 1000
    for number in range(6):
        await ledger.settle(await held(ledger, str(number)), Amounts(1, 1, requests=1))
    with pytest.raises(StoreUnavailable):
        await held(ledger, "too much")


async def test_what_an_earlier_outage_held_is_no_gift_to_a_later_one() -> None:
    """An answer that outlasts the outage in which it began gives nothing back to the next allowance."""
    inner, ledger = opened(20)
    inner.faults = 1
    first = await held(ledger, "1")
    await held(ledger, "2")
    inner.faults = 1000
    await held(ledger, "3")
    await ledger.settle(first, Amounts(1, 1, requests=1))
    await held(ledger, "4")
    with pytest.raises(StoreUnavailable):
        await held(ledger, "5")
