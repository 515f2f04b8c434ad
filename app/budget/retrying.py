"""A ledger around a ledger: settlements outlast a store that is away for a while, and a caller who leaves."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol

from app.domain import Amounts, Caller, Limit, Refusal, Reservation
from app.errors import StoreUnavailable
from app.ports import BudgetLedger

logger = logging.getLogger("leanserve.budget")

Sleep = Callable[[float], Awaitable[None]]

DELAYS_S = (0.25, 0.5, 1, 2, 4, 8, 15, 15, 15)
"""Between tries: a minute in all, far below a reservation's deadline; doubling from the store's own time-out."""
CAPACITY = 1_000
"""Settlements that may wait at once, some kilobytes each."""


class BookingLedger(BudgetLedger, Protocol):
    """A ledger that also takes what was spent without it."""

    async def book(self, name: str, tenant: str, limits: Sequence[Limit], spent: Amounts) -> None:
        """Book what was spent and never held, once by this name. Raises `StoreUnavailable`: then say it again."""
        ...


class WithdrawingLedger(BookingLedger, Protocol):
    """A ledger that can take back a grant of which nobody heard."""

    async def withdraw(self, reservation_id: str, tenant: str) -> None:
        """Give back a grant that may or may not exist."""
        ...


class RetryingLedger:
    """The BudgetLedger port. What cannot be booked now is booked in the background, for a minute.

    After that, or with `capacity` others waiting, it is logged with its amounts, and the reservation is reclaimed as
    spent when its holder or its deadline ends: nothing is spent unseen, and nothing is lost silently.
    """

    def __init__(
        self,
        ledger: WithdrawingLedger,
        *,
        delays_s: Sequence[float] = DELAYS_S,
        capacity: int = CAPACITY,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._ledger = ledger
        self._delays_s = delays_s
        self._capacity = capacity
        self._sleep = sleep
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0

    async def reserve(
        self, reservation_id: str, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        """As the inner ledger. A grant that may exist though its caller failed or left is taken back."""
        try:
            return await self._ledger.reserve(reservation_id, caller, limits, amounts)
        except (StoreUnavailable, asyncio.CancelledError):
            self._withdraw(reservation_id, caller.tenant)
            raise

    async def extend(
        self, reservation: Reservation, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        """As the inner ledger. What may be held more, though the caller failed or left, the settlement gives back.

        That is still to come, with tries of its own; and it bars an extension that arrives after it. Only of what was
        never booked before no settlement would know: that is taken back here, and the request cannot go on with it.
        """
        try:
            return await self._ledger.extend(reservation, caller, limits, amounts)
        except (StoreUnavailable, asyncio.CancelledError):
            if not reservation.booked:
                self._withdraw(reservation.id, reservation.tenant)
            raise

    async def made(self, reservation: Reservation, attempt: int) -> int | None:
        """As the inner ledger."""
        return await self._ledger.made(reservation, attempt)

    async def book(self, name: str, tenant: str, limits: Sequence[Limit], spent: Amounts) -> None:
        """As the inner ledger: who waits for it insists."""
        await self._ledger.book(name, tenant, limits, spent)

    async def settle(self, reservation: Reservation, spent: Amounts) -> None:
        """Return when it is booked, or when the first try failed and others follow. Cancelling it stops none."""
        what = f"settlement of reservation={reservation.id} {spent}"
        await self._start(what, lambda: self._ledger.settle(reservation, spent)).wait()

    async def drain(self, timeout_s: float) -> None:
        """Let what is under way end, for at most `timeout_s`: before a replica stops."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)

    def _withdraw(self, reservation_id: str, tenant: str) -> None:
        what = f"withdrawal of reservation={reservation_id}"
        self._start(what, lambda: self._ledger.withdraw(reservation_id, tenant))

    def _start(self, what: str, book: Callable[[], Awaitable[None]]) -> asyncio.Event:
        """Book in a task of its own; the event is set after the first try."""
        tried = asyncio.Event()
        self._keep(self._book(what, book, tried))
        return tried

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _book(self, what: str, book: Callable[[], Awaitable[None]], tried: asyncio.Event) -> None:
        try:
            if await self._try(what, book):
                return
        finally:
            tried.set()
        await self._insist(what, book)

    async def _insist(self, what: str, book: Callable[[], Awaitable[None]]) -> None:
        if self._waiting >= self._capacity:
            logger.error("%s given up, too many are waiting: it will be reclaimed as spent", what)
            return
        self._waiting += 1
        try:
            for delay_s in self._delays_s:
                await self._sleep(delay_s)
                if await self._try(what, book):
                    return
        finally:
            self._waiting -= 1
        logger.error("%s given up: it will be reclaimed as spent", what)

    @staticmethod
    async def _try(what: str, book: Callable[[], Awaitable[None]]) -> bool:
        try:
            await book()
        except StoreUnavailable:
            return False
        except Exception:
            logger.exception("%s cannot be booked: it will be reclaimed as spent", what)
        return True
