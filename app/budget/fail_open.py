"""Spending while nobody can be asked: only where the policy says so, and only so much."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.background import Background
from app.budget.retrying import BookingLedger, Sleep
from app.domain import Amounts, Caller, Limit, Refusal, Reservation
from app.errors import LeanServeError, StoreUnavailable

logger = logging.getLogger("leanserve.budget")

BOOK_EVERY_S = 5.0


class FailOpenLedger:
    """The BudgetLedger port around another: while that is away, `allowance()` tokens are let through, held in memory.

    The allowance is one replica's, and counts anew once the store answers; what a request held of it and did not spend
    is there for the next one. What was spent of it is booked then, even beyond the limits: it was spent. A replica that
    dies first takes its part of these books with it.
    """

    def __init__(self, ledger: BookingLedger, allowance: Callable[[], int], *, sleep: Sleep = asyncio.sleep) -> None:
        self._ledger, self._allowance, self._sleep = ledger, allowance, sleep
        self._let_through = 0
        self._outage = 0
        self._open: dict[str, tuple[int, Sequence[Limit]]] = {}
        self._background = Background()

    async def reserve(
        self, reservation_id: str, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        """As the inner ledger. Raises `StoreUnavailable` where that is away and the allowance is used up."""
        try:
            granted = await self._ledger.reserve(reservation_id, caller, limits, amounts)
        except StoreUnavailable:
            self._let(amounts.tokens)
            logger.warning("the budget cannot be asked; %d tokens are let through without it", amounts.tokens)
            self._open[reservation_id] = self._outage, limits
            return Reservation(reservation_id, caller.tenant, amounts)
        asked = not isinstance(granted, Reservation) or granted.booked  # where nothing limits, the store is not
        if asked and self._let_through:
            self._let_through, self._outage = 0, self._outage + 1
        return granted

    async def extend(
        self, reservation: Reservation, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        """As the inner ledger, or of the allowance where the reservation is."""
        if reservation.id not in self._open:
            return await self._ledger.extend(reservation, caller, limits, amounts)
        self._let(amounts.tokens - reservation.amounts.tokens)
        return replace(reservation, amounts=amounts)

    async def made(self, reservation: Reservation, attempt: int) -> int | None:
        """As the inner ledger."""
        return await self._ledger.made(reservation, attempt)

    async def settle(self, reservation: Reservation, spent: Amounts) -> None:
        """As the inner ledger; what was let through is booked in the background, until the store takes it."""
        opened = self._open.pop(reservation.id, None)
        if opened is None:
            await self._ledger.settle(reservation, spent)
            return
        outage, limits = opened
        if outage == self._outage:  # the allowance of a later one never held it
            self._let_through -= reservation.amounts.tokens - spent.tokens
        if spent.tokens or spent.requests:
            self._background.start(self._book(reservation, limits, spent), "an allowance was not booked")

    def _let(self, tokens: int) -> None:
        if self._let_through + tokens > self._allowance():
            raise StoreUnavailable("the budget cannot be asked")
        self._let_through += tokens

    async def _book(self, reservation: Reservation, limits: Sequence[Limit], spent: Amounts) -> None:
        """Never by `reserve`: one of which nobody heard is taken back and barred, and a stop would refuse it."""
        while True:
            await self._sleep(BOOK_EVERY_S)
            try:
                await self._ledger.book(f"{reservation.id}-open", reservation.tenant, limits, spent)
            except StoreUnavailable:
                continue
            except LeanServeError as error:
                logger.error("reservation=%s not booked: %s: %s", reservation.id, spent, error)
            return
