"""The ledger in Redis: reserve in all limits or in none, extend the same way, settle once.

A reservation is one running account. It is `held` until it is `settled`; a token counts in the windows in which it was
granted, and what was not spent is given back from the youngest of them. One that nobody settles is `reclaimed`
(`app/budget/leases.py`): what it held becomes *spent*. Its replica died after the grant, an engine may have produced
all of it, and a hard limit may err to one side only. A late settlement replaces that by the truth, once.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.budget.lua import LedgerScripts
from app.budget.packing import Plan, in_scopes, in_units, of_units, pack, plan, plan_each, seconds, unpack
from app.budget.stops import scope_of
from app.domain import (
    Amounts,
    BudgetExceeded,
    Caller,
    Limit,
    Marked,
    Refusal,
    Remaining,
    Reservation,
    ScopeStopped,
)
from app.errors import ReservationClosed
from app.store.client import Store

DEADLINE_S = 900
"""Longer than any request may take (`AttemptPolicy.total_timeout_s` is 600 by default)."""
KNOWN_TENANTS_S = 60.0
"""How long this process trusts that the store knows for whom it holds: a Redis that lost it learns it anew."""


@dataclass(frozen=True, slots=True)
class Booked:
    """What one limit's counter says in its present window."""

    limit: Limit
    spent: int
    held: int

    @property
    def left(self) -> int:
        """What requests under way hold is neither spent nor left."""
        return max(0, self.limit.amount - self.spent - self.held)


class RedisBudgetLedger:
    """The BudgetLedger port on one Redis.

    `holder` is who answers for what is granted here and gives signs of life (`RedisLeases.beat`); without a name only
    the deadline ends what nobody settles. `tell` is called with the marks that a settlement passed: of all calls of all
    replicas exactly one passes each, once a window; it must not block. `clock` is monotonic seconds, for what this
    process remembers; `wall` seconds since 1970, to choose a zone's offsets around: windows turn by the clock of Redis.
    """

    def __init__(
        self,
        store: Store,
        *,
        holder: str = "",
        tell: Callable[[Sequence[Marked]], None] = lambda _: None,
        deadline_s: int = DEADLINE_S,
        scripts: LedgerScripts | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._keys = store.keys
        self._holder = holder
        self._tell = tell
        self._deadline_s = deadline_s
        self._scripts = scripts or LedgerScripts.load()
        self._clock = clock
        self._wall = wall
        self._turn = 0
        self._known: set[str] = set()
        self._known_until = 0.0

    async def reserve(
        self, reservation_id: str, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        """Hold `amounts` in all limits or in none; on disk before it returns. Without limits Redis is not asked.

        The same id again is the same grant. Raises StoreUnavailable: the grant may then exist all the same, and
        `withdraw` gives it back. Raises ReservationClosed for an id that was settled or withdrawn, LeanServeError for
        amounts that are none and for a scope of another tenant.
        """
        return await self._hold(Reservation(reservation_id, caller.tenant, amounts), caller, limits, amounts, False)

    async def extend(
        self, reservation: Reservation, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        """Hold `amounts` in all instead: what is more counts in the windows of now. Refused, nothing changes.

        Repeating it is harmless, and a call that arrives after a later one of this process changes nothing. The limits
        may be others than before; unchanged amounts ask whether they still fit. Raises as `reserve`; after
        StoreUnavailable either amounts may be held, which the next extension or the settlement replaces.
        """
        return await self._hold(reservation, caller, limits, amounts, True)

    async def settle(self, reservation: Reservation, spent: Amounts) -> None:
        """Replace what is held by what was spent, in the windows of the grants. A second time changes nothing.

        What is beyond the grant is booked where its last part was; of a doubtful one, at least all that it holds.
        Raises StoreUnavailable.
        """
        amounts = pack(in_units(spent), reservation.doubtful)
        if not reservation.booked:
            return
        answer = await self._close(reservation.id, reservation.tenant, amounts, reservation.booked)
        if marks := _passed([each.limit for each in reservation.left], unpack(answer)):
            self._tell(marks)

    async def book(self, name: str, tenant: str, limits: Sequence[Limit], spent: Amounts) -> None:
        """Book what was spent and never held, once by this name: whatever is left, and though a scope is stopped.

        Raises StoreUnavailable.
        """
        planned = plan(tenant, limits, self._wall())
        left = tuple([Remaining(limit, 0, None) for limit in planned.limits])
        await self.settle(Reservation(name, tenant, Amounts(), left, planned.packed), spent)

    async def withdraw(self, reservation_id: str, tenant: str) -> None:
        """Give back a grant that may or may not exist, and bar it where it comes later: after a `reserve` that failed.

        Raises StoreUnavailable.
        """
        await self._close(reservation_id, tenant, pack(in_units(Amounts()), False), pack([], []))

    async def made(self, reservation: Reservation, attempt: int) -> int | None:
        """Output tokens that the engine of a cut attempt says it made; None until it does. Raises StoreUnavailable."""
        found = await self._store.command("GET", self._keys.made(reservation.tenant, reservation.id, attempt))
        return None if found is None else int(found)

    async def remaining(self, tenant: str, limits: Sequence[Limit]) -> list[Remaining]:
        """What each limit leaves, now. Raises StoreUnavailable."""
        return [
            Remaining(limit, max(limit.amount - spent - held, 0), seconds(resets))
            for limit, spent, held, resets in await self._inspect(tenant, limits)
        ]

    async def booked(self, tenant: str, limits: Sequence[Limit]) -> list[Booked]:
        """What is spent and held under each limit, now. Raises StoreUnavailable."""
        return [Booked(limit, spent, held) for limit, spent, held, _ in await self._inspect(tenant, limits)]

    async def overspent(self, tenant: str, limits: Sequence[Limit]) -> list[BudgetExceeded]:
        """Which of the limits are beyond what they allow by what is spent alone: nothing given back helps there.

        Not of the sliding ones: when they fit again depends on who asks. Raises StoreUnavailable.
        """
        fixed = [limit for limit in limits if not limit.window.sliding]
        return [
            BudgetExceeded(limit, 0, 0, seconds(resets), held)
            for limit, spent, held, resets in await self._inspect(tenant, fixed)
            if spent > limit.amount
        ]

    async def _hold(
        self, known: Reservation, caller: Caller, limits: Sequence[Limit], amounts: Amounts, changes: bool
    ) -> Reservation | Refusal:
        asked = in_units(amounts)
        planned = self._plan(known, limits)
        if not planned.limits and not known.booked:
            return replace(known, amounts=amounts)
        self._turn = max(self._turn + 1, int(self._wall() * 1_000_000))
        used = in_units(known.used) if known.used else None
        call = pack(changes, self._turn, self._deadline_s, asked, in_scopes(caller), used)
        await self._introduce(known.tenant)
        keys = [
            self._keys.reservation(known.tenant, known.id),
            self._keys.open(known.tenant, self._holder),
            self._keys.stops(known.tenant),
            self._keys.counters(known.tenant),
            self._keys.used(known.tenant),
        ]
        name = known.id.encode(errors="surrogatepass")
        answer = await self._store.durable_script(self._scripts.reserve, keys, [name, call, planned.packed])
        return _answer(known, planned, unpack(answer))

    def _plan(self, known: Reservation, limits: Sequence[Limit]) -> Plan:
        """Under the limits of its grant an extension need not say them anew."""
        before = tuple(each.limit for each in known.left)
        if known.booked and before == tuple(limits):
            return Plan(before, known.booked)
        return plan(known.tenant, limits, self._wall())

    async def _close(self, reservation_id: str, tenant: str, spent: bytes, booked: bytes) -> bytes:
        keys = [self._keys.reservation(tenant, reservation_id), self._keys.counters(tenant), self._keys.used(tenant)]
        answer: bytes = await self._store.script(self._scripts.settle, keys, [spent, booked])
        return answer

    async def _inspect(self, tenant: str, limits: Sequence[Limit]) -> list[tuple[Limit, int, int, int]]:
        """Spent, held, and microseconds to the reset, of each limit."""
        if not limits:
            return []
        packed = plan_each(limits, self._wall())
        answer = unpack(await self._store.script(self._scripts.inspect, [self._keys.counters(tenant)], [packed]))
        return list(zip(limits, answer[::3], answer[1::3], answer[2::3], strict=True))

    async def _introduce(self, tenant: str) -> None:
        """Say that this holder holds for the tenant, before it does: another slot, so not in the same script."""
        if self._clock() >= self._known_until:
            self._known.clear()
            self._known_until = self._clock() + KNOWN_TENANTS_S
        if tenant not in self._known:
            keys = [self._keys.beats(), self._keys.tenants(self._holder)]
            words = [name.encode(errors="surrogatepass") for name in (self._holder, tenant)]
            await self._store.script(self._scripts.introduce, keys, words)
            self._known.add(tenant)


def _answer(known: Reservation, planned: Plan, answer: Sequence[Any]) -> Reservation | Refusal:
    if answer[0] == 1:
        numbers = zip(planned.limits, answer[7::2], answer[8::2], strict=True)
        left = tuple([Remaining(limit, amount, seconds(resets)) for limit, amount, resets in numbers])
        return Reservation(known.id, known.tenant, of_units(answer[1:7]), left, planned.packed)
    if answer[0] < 0:
        raise ReservationClosed("this reservation was closed before")
    if answer[0] == 2:
        return ScopeStopped(scope_of(answer[1]), answer[2])
    _, number, left, wanted, resets, held = answer
    return BudgetExceeded(planned.limits[number - 1], left, wanted, seconds(resets), held)


def _passed(limits: Sequence[Limit], answer: Sequence[int]) -> list[Marked]:
    """`answer` is the number of a limit, what marks knew to be spent before, and what is spent now, for each."""
    return [
        Marked(limit, mark, spent)
        for number, before, spent in zip(answer[::3], answer[1::3], answer[2::3], strict=True)
        for limit in (limits[number - 1],)
        for mark in limit.marks
        if before * 100 < mark * limit.amount <= spent * 100
    ]
