"""A reservation around a call that spends at once: whatever ends the call, what was spent is booked."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from app.budget.hold import hold
from app.domain import Amounts, Reservation
from tests.fakes import FakeBudgetLedger
from tests.unit.budget.bench import Bench, limit, tokens

LIMIT = limit(1_000)
HELD = Reservation("r7", "acme", tokens(9), booked=b"limits")


class Meter:
    """What a call has spent so far."""

    def __init__(self) -> None:
        self.tokens = 0

    def __call__(self) -> Amounts:
        return tokens(self.tokens, self.tokens * 2)


class SlowLedger(FakeBudgetLedger):
    """A fake ledger whose settlements wait for the gate, and fail `faults` times."""

    def __init__(self, faults: int = 0) -> None:
        super().__init__()
        self.faults = faults
        self.gate = asyncio.Event()

    async def settle(self, reservation: Reservation, spent: Amounts) -> None:
        await self.gate.wait()
        self.check()
        await super().settle(reservation, spent)


async def grant(bench: Bench) -> Reservation:
    return await bench.grant("r", [LIMIT], tokens(100, 200))


async def stream(bench: Bench, meter: Meter) -> AsyncGenerator[int, None]:
    async with hold(bench.ledger, await grant(bench), meter):
        for number in range(10):
            meter.tokens += 1
            yield number


async def test_success_books_what_was_spent(bench: Bench) -> None:
    """The books are closed when the block has ended."""
    async with aclosing(stream(bench, Meter())) as numbers:
        assert [number async for number in numbers] == list(range(10))
    assert await bench.booked(LIMIT) == [(10, 0)]


async def test_a_client_that_leaves_pays_so_far(bench: Bench) -> None:
    """A closed generator books the tokens that were produced, and the rest is free again."""
    async with aclosing(stream(bench, Meter())) as numbers:
        async for number in numbers:
            if number == 3:
                break
    assert await bench.booked(LIMIT) == [(4, 0)]


async def test_a_cancelled_request_pays_so_far(bench: Bench) -> None:
    """Cancellation ends the call, not the settlement."""
    meter, reservation = Meter(), await grant(bench)
    waiting = asyncio.Event()

    async def call() -> None:
        async with hold(bench.ledger, reservation, meter):
            meter.tokens = 6
            waiting.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(call())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await bench.booked(LIMIT) == [(6, 0)]


@pytest.mark.parametrize("spent", [0, 7])
async def test_a_fault_books_what_attempts_had_spent(bench: Bench, spent: int) -> None:
    """Nothing spent is a release; the fault itself goes on its way."""
    meter = Meter()

    async def attempt() -> None:
        async with hold(bench.ledger, await grant(bench), meter):
            meter.tokens = spent
            raise RuntimeError("engine")

    with pytest.raises(RuntimeError, match="engine"):
        await attempt()
    assert await bench.booked(LIMIT) == [(spent, 0)]


async def test_cancellation_during_the_settlement_does_not_stop_it() -> None:
    """A client that leaves in the very moment of the settlement: it is booked all the same."""
    ledger = SlowLedger()

    async def call() -> None:
        async with hold(ledger, HELD, lambda: tokens(5, 6)):
            pass

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    ledger.gate.set()
    await asyncio.sleep(0.01)
    assert ledger.settled == [tokens(5, 6)]


async def test_a_broken_meter_books_all_that_was_held(bench: Bench) -> None:
    """A hard limit errs to one side."""

    def broken() -> Amounts:
        raise ZeroDivisionError

    async with hold(bench.ledger, await grant(bench), broken):
        pass
    assert await bench.booked(LIMIT) == [(100, 0)]


async def test_a_store_that_is_away_hides_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    """A settlement that fails is logged with its amounts, not raised: the client has the answer."""
    ledger = SlowLedger(1)
    ledger.gate.set()
    async with hold(ledger, HELD, lambda: tokens(5, 6)):
        pass
    assert ledger.settled == []
    assert "r7" in caplog.text
    assert "input_tokens=5" in caplog.text
    assert "micro_usd=6" in caplog.text
