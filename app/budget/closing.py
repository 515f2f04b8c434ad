"""How an account ends: what an engine says that it made, and what is booked."""

import asyncio
import logging
from contextlib import suppress

from app.domain import Amounts, Reservation, Usage
from app.errors import LeanServeError, StoreUnavailable
from app.ports import BudgetLedger

logger = logging.getLogger("leanserve.budget")

MADE_PAUSES_S = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 0.8, 1.0)
"""Between looks for what an engine says: three seconds, in which its replica hears that it was cut off. That took
two and more on a busy machine."""
SOON = 5
"""The first of them: 0.16 s."""


async def made_of(
    ledger: BudgetLedger, reservation: Reservation | None, attempt: int, *, soon: bool = False
) -> int | None:
    """Output tokens that the engine of an attempt, which was cut off, says it made; None where none says in time.

    `soon` is within the grace of an answer that is stopped (`app.budget.live`): its client waits for a clean end.
    """
    if reservation is None or not reservation.booked:
        return None
    for pause_s in MADE_PAUSES_S[:SOON] if soon else MADE_PAUSES_S:
        await asyncio.sleep(pause_s)
        with suppress(StoreUnavailable):
            found = await ledger.made(reservation, attempt)
            if found is not None:
                return found
    return None


def all_counted(usage: Usage, made: int | None, granted: int) -> bool:
    """Whether an engine that was cut off says that it made what was counted: no more than was granted."""
    return 0 < usage.output_tokens <= granted and made == usage.output_tokens


async def booked(ledger: BudgetLedger, reservation: Reservation, spent: Amounts) -> None:
    """Settle; a fault is told to the log. Raises nothing."""
    try:
        await ledger.settle(reservation, spent)
    except LeanServeError as error:
        logger.error("reservation=%s not settled: %s: %s", reservation.id, spent, error)
