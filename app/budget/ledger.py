"""The ledger in Redis: reserve in all limits or in none, settle once, reclaim what dead replicas left.

A reservation is `held` until it is `settled`. One that nobody settled before its deadline is `reclaimed`: what it held
becomes *spent*. Its replica died after the grant, an engine may have produced all of it, and a hard limit may err to
one side only. A settlement that comes after all replaces that by the truth, once.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

from app.budget.limits import LARGEST, smallest
from app.domain import BudgetExceeded, Hold, Limit, MicroUsd, Reservation, Unit
from app.errors import LeanServeError
from app.store.client import Store
from app.store.scripts import Arg, Script

DEADLINE_S = 900
"""Longer than any request may take (`AttemptPolicy.total_timeout_s` is 600 by default)."""
KNOWN_TENANTS_S = 60.0
"""How long this process trusts that the set of tenants names a tenant: a Redis that lost it learns it anew."""
RECLAIM_BATCH = 100


@dataclass(frozen=True, slots=True)
class LedgerScripts:
    """The Lua of the ledger, ready to run."""

    reserve: Script
    settle: Script
    reclaim: Script
    inspect: Script

    @classmethod
    def load(cls, time_lua: str | None = None) -> "LedgerScripts":
        """Read the files beside this one. `time_lua` replaces the clock: Lua that defines `now_us()`."""
        files = resources.files(__package__) / "scripts"
        shared = [(files / f"{name}.lua").read_text() for name in ("time", "windows", "counters")]
        prelude = "\n".join([time_lua, *shared[1:]] if time_lua else shared)
        names = ("reserve", "settle", "reclaim", "inspect")
        return cls(*(Script(prelude + "\n" + (files / f"{name}.lua").read_text()) for name in names))


@dataclass(frozen=True, slots=True)
class Booked:
    """What one limit's counter says in its present window."""

    limit: Limit
    spent: int
    held: int


class RedisBudgetLedger:
    """The BudgetLedger port on one Redis. `clock` is monotonic seconds, for what this process remembers only."""

    def __init__(
        self,
        store: Store,
        *,
        deadline_s: int = DEADLINE_S,
        scripts: LedgerScripts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._deadline_s = deadline_s
        self._scripts = scripts or LedgerScripts.load()
        self._clock = clock
        self._known: set[str] = set()
        self._known_until = 0.0

    async def reserve(
        self, reservation_id: str, tenant: str, limits: Sequence[Limit], tokens: int, cost: MicroUsd
    ) -> Reservation | BudgetExceeded:
        """Hold `tokens` and `cost` in all limits or in none; on disk before it returns.

        The same id again is the same grant. Raises StoreUnavailable: the grant may then exist all the same, and
        `withdraw` gives it back. Raises LeanServeError for an id that was settled, for amounts that are no
        amounts, and for a scope of another tenant.
        """
        limits = smallest(limits)
        _check(tenant, limits, (tokens, cost))
        if not limits:
            return Reservation(reservation_id, tenant, tokens, cost)
        await self._introduce(tenant)
        keys = [*self._record(tenant, reservation_id), *map(self._stem, limits)]
        args: list[Arg] = [_text(reservation_id), tokens, cost, self._deadline_s]
        for limit in limits:
            args += [limit.unit, limit.amount, limit.window]
        answer = await self._store.durable_script(self._scripts.reserve, keys, args)
        if answer[0] == 0:
            return _refusal(limits, answer, {Unit.TOKENS: tokens, Unit.MICRO_USD: cost})
        if answer[0] < 0:
            raise LeanServeError("this reservation was settled before")
        return _grant(reservation_id, tenant, answer)

    async def settle(self, reservation: Reservation, tokens: int, cost: MicroUsd) -> None:
        """Replace what is held by what was spent, in the windows of the grant. A second time changes nothing.

        `settle(r, 0, 0)` releases. Raises StoreUnavailable.
        """
        _check(reservation.tenant, (), (tokens, cost))
        if not reservation.holds:
            return
        keys = [*self._record(reservation.tenant, reservation.id), *(hold.key for hold in reservation.holds)]
        units = [hold.unit for hold in reservation.holds]
        await self._store.script(self._scripts.settle, keys, [tokens, cost, *units])

    async def withdraw(self, reservation_id: str, tenant: str) -> None:
        """Give back a grant that may or may not exist, and bar it where it comes later: after a `reserve` that failed.

        Raises StoreUnavailable.
        """
        await self._store.script(self._scripts.settle, self._record(tenant, reservation_id), [0, 0])

    async def reclaim(self) -> list[Reservation]:
        """Close what is past its deadline, of all tenants; held becomes spent. For the budget actor."""
        names = await self._store.command("SMEMBERS", self._store.keys.tenants())
        return [found for name in sorted(names) for found in await self._reclaim(_name(name))]

    async def spent(self, tenant: str, limits: Sequence[Limit]) -> list[Booked]:
        """What is spent and held under each limit, now."""
        _check(tenant, limits, ())
        if not limits:
            return []
        keys = [self._stem(limit) for limit in limits]
        answer = await self._store.script(self._scripts.inspect, keys, [limit.window for limit in limits])
        return [Booked(limit, *map(int, pair)) for limit, pair in zip(limits, answer, strict=True)]

    async def _reclaim(self, tenant: str) -> list[Reservation]:
        answer = await self._store.script(self._scripts.reclaim, [self._store.keys.deadlines(tenant)], [RECLAIM_BATCH])
        return [Reservation(_name(name), tenant, int(tokens), MicroUsd(int(cost))) for name, tokens, cost in answer]

    async def _introduce(self, tenant: str) -> None:
        """Put the tenant where `reclaim` looks, before it holds anything: another slot, so not in the same script."""
        if self._clock() >= self._known_until:
            self._known.clear()
            self._known_until = self._clock() + KNOWN_TENANTS_S
        if tenant not in self._known:
            await self._store.command("SADD", self._store.keys.tenants(), _text(tenant))
            self._known.add(tenant)

    def _record(self, tenant: str, reservation_id: str) -> tuple[str, str]:
        return self._store.keys.reservation(tenant, reservation_id), self._store.keys.deadlines(tenant)

    def _stem(self, limit: Limit) -> str:
        return self._store.keys.counter(limit.scope, limit.unit, limit.window)


def _check(tenant: str, limits: Iterable[Limit], amounts: Iterable[int]) -> None:
    if any(limit.scope.tenant != tenant for limit in limits):
        raise LeanServeError("a limit on a scope of another tenant")
    if any(not 0 <= amount <= LARGEST for amount in amounts):
        raise LeanServeError("an amount must be a whole number from 0 to 2^53 - 1")


def _grant(reservation_id: str, tenant: str, answer: list[bytes]) -> Reservation:
    amounts = {Unit.TOKENS: int(answer[1]), Unit.MICRO_USD: int(answer[2])}
    pairs = zip(map(_name, answer[3::2]), map(_name, answer[4::2]), strict=True)
    holds = tuple(Hold(key, Unit(unit), amounts[Unit(unit)]) for unit, key in pairs)
    return Reservation(reservation_id, tenant, amounts[Unit.TOKENS], MicroUsd(amounts[Unit.MICRO_USD]), holds)


def _refusal(limits: Sequence[Limit], answer: list[int], requested: dict[Unit, int]) -> BudgetExceeded:
    _, number, remaining, resets_us = answer
    limit = limits[number - 1]
    resets_in_s = None if resets_us < 0 else resets_us / 1_000_000
    return BudgetExceeded(limit, remaining, requested[limit.unit], resets_in_s)


def _text(name: str) -> bytes:
    return name.encode(errors="surrogatepass")


def _name(text: bytes) -> str:
    return text.decode(errors="surrogatepass")
