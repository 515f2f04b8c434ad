import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.budget.fail_open import FailOpenLedger
from app.budget.ledger import RedisBudgetLedger
from app.budget.retrying import RetryingLedger
from app.config.gateway import StoreSpec
from app.domain import Amounts, Caller, Limit, Refusal, Reservation
from app.errors import ReservationClosed, StoreUnavailable
from app.store.client import open_store
from app.store.embedded import EmbeddedRedis, free_port
from tests.unit.budget.bench import ACME, limit, tokens

LIMITS = [limit(1_000)]
BOOKED = Reservation("r7", "acme", tokens(9), booked=b"limits")
FREE = Reservation("r8", "acme", tokens(9))


class Flaky:
    """A ledger whose store is away for the first `failures` calls."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.settled: list[tuple[str, Amounts]] = []
        self.withdrawn: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def _call(self) -> None:
        await self.gate.wait()
        if self.failures > 0:
            self.failures -= 1
            raise StoreUnavailable("away")

    async def reserve(
        self, reservation_id: str, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        await self._call()
        return Reservation(reservation_id, caller.tenant, amounts)

    async def extend(
        self, reservation: Reservation, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        await self._call()
        return reservation

    async def made(self, reservation: Reservation, attempt: int) -> int | None:
        await self._call()
        return attempt

    async def book(self, name: str, tenant: str, limits: Sequence[Limit], spent: Amounts) -> None:
        await self._call()
        self.settled.append((name, spent))

    async def settle(self, reservation: Reservation, spent: Amounts) -> None:
        await self._call()
        self.settled.append((reservation.id, spent))

    async def withdraw(self, reservation_id: str, tenant: str) -> None:
        await self._call()
        self.withdrawn.append(reservation_id)


async def test_a_settlement_is_tried_again_in_the_background() -> None:
    """The caller waits for the first try only."""
    slept: list[float] = []
    awake = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await awake.wait()

    flaky = Flaky(3)
    ledger = RetryingLedger(flaky, delays_s=(1, 2, 4, 8), sleep=sleep)
    await ledger.settle(BOOKED, tokens(5))
    assert flaky.settled == []
    awake.set()
    await ledger.drain(1)
    assert flaky.settled == [("r7", tokens(5))]
    assert slept == [1, 2, 4]


@pytest.mark.parametrize("capacity", [0, 10])
async def test_what_cannot_be_booked_is_logged(capacity: int, caplog: pytest.LogCaptureFixture) -> None:
    """Given up after the last try, or at once with too many waiting: with its amounts, as an error."""
    ledger = RetryingLedger(Flaky(99), delays_s=(0, 0), capacity=capacity)
    await ledger.settle(BOOKED, tokens(5, 6))
    await ledger.drain(1)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "r7" in record.message
    assert "input_tokens=5" in record.message
    assert "micro_usd=6" in record.message


async def test_a_reserve_in_doubt_is_taken_back() -> None:
    """A reserve that failed, or whose caller left, may have been granted: it is withdrawn."""
    flaky = Flaky(2)
    ledger = RetryingLedger(flaky, delays_s=(0, 0))
    with pytest.raises(StoreUnavailable):
        await ledger.reserve("failed", ACME, LIMITS, tokens(1))
    await ledger.drain(1)
    flaky.gate.clear()
    task = asyncio.create_task(ledger.reserve("left", ACME, LIMITS, tokens(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    flaky.gate.set()
    await ledger.drain(1)
    assert flaky.withdrawn == ["failed", "left"]


@pytest.mark.parametrize(("reservation", "withdrawn"), [(BOOKED, []), (FREE, ["r8"])])
async def test_an_extension_in_doubt_is_left_to_the_settlement(reservation: Reservation, withdrawn: list[str]) -> None:
    """Withdrawn is only what was never booked before, of which no settlement would tell the ledger."""
    flaky = Flaky(1)
    ledger = RetryingLedger(flaky, delays_s=(0, 0))
    with pytest.raises(StoreUnavailable):
        await ledger.extend(reservation, ACME, LIMITS, tokens(20))
    await ledger.drain(1)
    assert flaky.withdrawn == withdrawn


async def test_a_frozen_redis_refuses_and_keeps_nothing(tmp_path: Path) -> None:
    """Reserve and extend fail closed within the time-out; what Redis grants when it thaws is taken back."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        store = await open_store(server.url, StoreSpec(timeout_s=0.2))
        inner = RedisBudgetLedger(store)
        ledger = RetryingLedger(inner, delays_s=(0.3, 0.6, 1, 2))
        granted = await ledger.reserve("grown", ACME, LIMITS, tokens(10))
        assert isinstance(granted, Reservation)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailable):
                await ledger.reserve("doubt", ACME, LIMITS, tokens(100))
            with pytest.raises(StoreUnavailable):
                await ledger.extend(granted, ACME, LIMITS, tokens(300))
            await ledger.settle(granted, tokens(7))
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await ledger.drain(5)
        assert [(each.spent, each.held) for each in await inner.booked("acme", LIMITS)] == [(7, 0)]
        with pytest.raises(ReservationClosed):
            await ledger.extend(granted, ACME, LIMITS, tokens(11))
        await store.close()


async def test_what_a_frozen_redis_let_through_is_booked_when_it_thaws(tmp_path: Path) -> None:
    """Once, after tries that failed: `fail_open` around this ledger, as a replica has them."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        store = await open_store(server.url, StoreSpec(timeout_s=0.2))
        inner = RedisBudgetLedger(store)
        ledger = FailOpenLedger(RetryingLedger(inner), lambda: 100, sleep=lambda _: asyncio.sleep(0.3))
        os.kill(server.pid, signal.SIGSTOP)
        try:
            granted = await ledger.reserve("open", ACME, LIMITS, tokens(10))
            assert isinstance(granted, Reservation)
            await ledger.settle(granted, tokens(9))
            await asyncio.sleep(1)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await asyncio.sleep(2.5)
        assert [(each.spent, each.held) for each in await inner.booked("acme", LIMITS)] == [(9, 0)]
        await store.close()
