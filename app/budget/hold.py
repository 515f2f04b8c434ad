"""A reservation's life around a call: whatever ends the call, what was spent is booked."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from app.domain import Amounts, Reservation
from app.errors import LeanServeError
from app.ports import BudgetLedger

logger = logging.getLogger("leanserve.budget")

Meter = Callable[[], Amounts]
"""What was spent so far."""


@asynccontextmanager
async def hold(ledger: BudgetLedger, reservation: Reservation, meter: Meter) -> AsyncGenerator[Reservation, None]:
    """Settle `reservation` by what `meter` says when the block ends, in each of the three ways it can.

    Success: the actual amounts. A fault: what the attempts had spent, nothing if none began, which releases. The
    client left (cancellation, or a closed generator): tokens so far. A fault of the ledger is logged, never raised:
    the answer was given; `RetryingLedger` tries again, and what nobody settles is reclaimed as spent.
    """
    try:
        yield reservation
    finally:
        await asyncio.shield(asyncio.ensure_future(_settle(ledger, reservation, _read(meter, reservation))))


def _read(meter: Meter, reservation: Reservation) -> Amounts:
    """A broken meter costs what was held: a hard limit errs to one side only."""
    try:
        return meter()
    except Exception:
        logger.exception("reservation=%s has no meter reading; all that was held is booked", reservation.id)
        return reservation.amounts


async def _settle(ledger: BudgetLedger, reservation: Reservation, spent: Amounts) -> None:
    try:
        await ledger.settle(reservation, spent)
    except LeanServeError as error:
        logger.error("reservation=%s not settled: %s: %s", reservation.id, spent, error)
