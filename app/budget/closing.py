"""How an account ends: what an engine says that it made, and what is booked."""

import asyncio
import logging
from contextlib import suppress

from app.domain import Amounts, Reservation
from app.errors import LeanServeError, StoreUnavailable
from app.ports import BudgetLedger

logger = logging.getLogger("leanserve.budget")

MADE_PAUSES_S = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 0.8)
"""Between looks for what an engine says: two seconds, in which its replica hears that it was cut off."""


async def made_of(ledger: BudgetLedger, reservation: Reservation | None, attempt: int) -> int:
    """Output tokens that the engine of an attempt, which was cut off, says it made; 0 where none says in time."""
    if reservation is None or not reservation.booked:
        return 0
    for pause_s in MADE_PAUSES_S:
        await asyncio.sleep(pause_s)
        with suppress(StoreUnavailable):
            found = await ledger.made(reservation, attempt)
            if found is not None:
                return found
    return 0


async def booked(ledger: BudgetLedger, reservation: Reservation, spent: Amounts) -> None:
    """Settle; a fault is told to the log. Raises nothing."""
    try:
        await ledger.settle(reservation, spent)
    except LeanServeError as error:
        logger.error("reservation=%s not settled: %s: %s", reservation.id, spent, error)
