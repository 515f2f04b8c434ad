import asyncio
import logging
import os
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from app.budget.hold import hold
from app.budget.ledger import RedisBudgetLedger
from app.budget.retrying import RetryingLedger
from app.config.gateway import StoreSpec
from app.domain import BudgetExceeded, Limit, MicroUsd, Reservation, Scope, Unit, Window
from app.errors import StoreUnavailable
from app.store.client import Store, open_store
from app.store.embedded import EmbeddedRedis, free_port

LIMIT = Limit(Scope("acme", "tenant", "acme"), Unit.TOKENS, 1_000, Window.TOTAL)


class Meter:
    """What a call has spent so far."""

    def __init__(self) -> None:
        self.tokens = 0

    def __call__(self) -> tuple[int, MicroUsd]:
        return self.tokens, MicroUsd(self.tokens * 2)


class Flaky:
    """A ledger whose store is away for the first `failures` calls."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.settled: list[tuple[str, int, int]] = []
        self.withdrawn: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def _call(self) -> None:
        await self.gate.wait()
        if self.failures > 0:
            self.failures -= 1
            raise StoreUnavailable("away")

    async def reserve(
        self, reservation_id: str, tenant: str, limits: Sequence[Limit], tokens: int, cost: MicroUsd
    ) -> Reservation | BudgetExceeded:
        await self._call()
        return Reservation(reservation_id, tenant, tokens, cost)

    async def settle(self, reservation: Reservation, tokens: int, cost: MicroUsd) -> None:
        await self._call()
        self.settled.append((reservation.id, tokens, cost))

    async def withdraw(self, reservation_id: str, tenant: str) -> None:
        await self._call()
        self.withdrawn.append(reservation_id)


@pytest.fixture
def ledger(store: Store) -> RedisBudgetLedger:
    return RedisBudgetLedger(store)


async def grant(ledger: RedisBudgetLedger) -> Reservation:
    granted = await ledger.reserve("r", "acme", [LIMIT], 100, MicroUsd(200))
    assert isinstance(granted, Reservation)
    return granted


async def booked(ledger: RedisBudgetLedger) -> tuple[int, int]:
    [found] = await ledger.spent("acme", [LIMIT])
    return found.spent, found.held


async def stream(ledger: RedisBudgetLedger, meter: Meter) -> AsyncGenerator[int, None]:
    async with hold(ledger, await grant(ledger), meter):
        for number in range(10):
            meter.tokens += 1
            yield number


async def test_success_books_what_was_spent(ledger: RedisBudgetLedger) -> None:
    """The books are closed when the block has ended."""
    async with aclosing(stream(ledger, Meter())) as numbers:
        assert [number async for number in numbers] == list(range(10))
    assert await booked(ledger) == (10, 0)


async def test_a_client_that_leaves_pays_so_far(ledger: RedisBudgetLedger) -> None:
    """A closed generator books the tokens that were produced, and the rest is free again."""
    async with aclosing(stream(ledger, Meter())) as numbers:
        async for number in numbers:
            if number == 3:
                break
    assert await booked(ledger) == (4, 0)


async def test_a_cancelled_request_pays_so_far(ledger: RedisBudgetLedger) -> None:
    """Cancellation ends the call, not the settlement."""
    meter, reservation = Meter(), await grant(ledger)
    waiting = asyncio.Event()

    async def call() -> None:
        async with hold(ledger, reservation, meter):
            meter.tokens = 6
            waiting.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(call())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await booked(ledger) == (6, 0)


@pytest.mark.parametrize("tokens", [0, 7])
async def test_a_fault_books_what_attempts_had_spent(ledger: RedisBudgetLedger, tokens: int) -> None:
    """Nothing spent is a release; the fault itself goes on its way."""
    meter = Meter()

    async def attempt() -> None:
        async with hold(ledger, await grant(ledger), meter):
            meter.tokens = tokens
            raise RuntimeError("engine")

    with pytest.raises(RuntimeError, match="engine"):
        await attempt()
    assert await booked(ledger) == (tokens, 0)


@pytest.mark.parametrize("wrapped", [True, False])
async def test_cancellation_during_the_settlement_does_not_stop_it(wrapped: bool) -> None:
    """A client that leaves in the very moment of the settlement: it is booked all the same, by any ledger."""
    flaky = Flaky(0)
    flaky.gate.clear()
    ledger = RetryingLedger(flaky) if wrapped else flaky

    async def call() -> None:
        async with hold(ledger, Reservation("r", "acme", 9, MicroUsd(9)), lambda: (5, MicroUsd(6))):
            pass

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    flaky.gate.set()
    await asyncio.sleep(0.01)
    assert flaky.settled == [("r", 5, 6)]


async def test_a_broken_meter_books_all_that_was_held(ledger: RedisBudgetLedger) -> None:
    """A hard limit errs to one side."""

    def broken() -> tuple[int, MicroUsd]:
        raise ZeroDivisionError

    async with hold(ledger, await grant(ledger), broken):
        pass
    assert await booked(ledger) == (100, 0)


async def test_a_store_that_is_away_hides_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    """A settlement that fails is logged with its amounts, not raised: the client has the answer."""
    async with hold(Flaky(1), Reservation("r7", "acme", 9, MicroUsd(9)), lambda: (5, MicroUsd(6))):
        pass
    assert "r7" in caplog.text
    assert "tokens=5 micro_usd=6" in caplog.text


async def test_a_settlement_is_tried_again_in_the_background() -> None:
    """The caller waits for the first try only."""
    slept: list[float] = []
    awake = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await awake.wait()

    flaky = Flaky(3)
    ledger = RetryingLedger(flaky, delays_s=(1, 2, 4, 8), sleep=sleep)
    await ledger.settle(Reservation("r", "acme", 9, MicroUsd(9)), 5, MicroUsd(6))
    assert flaky.settled == []
    awake.set()
    await ledger.drain(1)
    assert flaky.settled == [("r", 5, 6)]
    assert slept == [1, 2, 4]


@pytest.mark.parametrize("capacity", [0, 10])
async def test_what_cannot_be_booked_is_logged(capacity: int, caplog: pytest.LogCaptureFixture) -> None:
    """Given up after the last try, or at once with too many waiting: with its amounts, as an error."""
    ledger = RetryingLedger(Flaky(99), delays_s=(0, 0), capacity=capacity)
    await ledger.settle(Reservation("r7", "acme", 9, MicroUsd(9)), 5, MicroUsd(6))
    await ledger.drain(1)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "r7 tokens=5 micro_usd=6 given up" in record.message


async def test_a_reserve_in_doubt_is_taken_back() -> None:
    """A reserve that failed, or whose caller left, may have been granted: it is withdrawn."""
    flaky = Flaky(2)
    ledger = RetryingLedger(flaky, delays_s=(0, 0))
    with pytest.raises(StoreUnavailable):
        await ledger.reserve("failed", "acme", [LIMIT], 1, MicroUsd(0))
    await ledger.drain(1)
    flaky.gate.clear()
    task = asyncio.create_task(ledger.reserve("left", "acme", [LIMIT], 1, MicroUsd(0)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    flaky.gate.set()
    await ledger.drain(1)
    assert flaky.withdrawn == ["failed", "left"]


async def test_a_frozen_redis_refuses_and_keeps_nothing(tmp_path: Path) -> None:
    """Reserve fails closed within the time-out; the grant that Redis makes when it thaws is taken back."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        store = await open_store(server.url, StoreSpec(timeout_s=0.2))
        inner = RedisBudgetLedger(store)
        ledger = RetryingLedger(inner, delays_s=(0.3, 0.6, 1, 2))
        await ledger.settle(await grant(inner), 1, MicroUsd(1))
        os.kill(server.pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailable):
                await ledger.reserve("doubt", "acme", [LIMIT], 100, MicroUsd(0))
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await ledger.drain(5)
        assert await booked(inner) == (1, 0)
        await store.close()
