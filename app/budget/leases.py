"""Signs of life of who holds reservations, and what becomes of those whose holder gives none."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.budget.lua import LedgerScripts
from app.budget.packing import of_units
from app.domain import Reservation
from app.store.client import Store

DEAD_AFTER_S = 5.0
"""Signs come every second at most; Redis being away is no silence (`scripts/look.lua`)."""
FORGOTTEN_AFTER_S = 120.0
"""Twice as long as a ledger trusts that the store knows for whom it holds: one that was only frozen tells it anew."""
LATE_EVERY_S = 30.0
"""How often everything is looked through for deadlines, which nothing meets but what leases cannot see."""
BATCH = 100


@dataclass(frozen=True, slots=True)
class Revisions:
    """Numbers that change when stopped scopes, stored keys or stored budgets did."""

    stops: int
    keys: int
    budgets: int


class RedisLeases:
    """Leases in one Redis, by its clock. Everything raises StoreUnavailable. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        store: Store,
        *,
        scripts: LedgerScripts | None = None,
        late_every_s: float = LATE_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._keys = store.keys
        self._scripts = scripts or LedgerScripts.load()
        self._late_every_s = late_every_s
        self._clock = clock
        self._late_at = 0.0

    async def beat(self, holder: str) -> Revisions:
        """`holder` is alive; and what changed."""
        keys = [self._keys.beats(), *(self._keys.revision(what) for what in ("stops", "keys", "budgets"))]
        found = await self._store.script(self._scripts.beat, keys, [_text(holder)])
        return Revisions(*(int(each or 0) for each in found))

    async def reclaim(self, dead_after_s: float = DEAD_AFTER_S) -> list[Reservation]:
        """Close what dead holders left, and what is past its deadline; held becomes spent. For the budget actor.

        A holder is dead after `dead_after_s` without a sign, as far as this was called all the while, at least every
        2.5 s: call it every second. Deadlines are looked for every `late_every_s`.
        """
        look = await self._store.script(
            self._scripts.look, [self._keys.beats(), self._keys.looks()], [int(dead_after_s * 1_000_000)]
        )
        found = [each for holder, silent, dead in look if dead for each in await self._bury(_name(holder), silent)]
        if self._clock() >= self._late_at:
            found += [each for holder, _, dead in look if not dead for each in await self._all(_name(holder), "late")]
            self._late_at = self._clock() + self._late_every_s
        return found

    async def _bury(self, holder: str, silent_us: int) -> list[Reservation]:
        found = await self._all(holder, "all")
        if silent_us >= FORGOTTEN_AFTER_S * 1_000_000 and not found:
            keys = [self._keys.beats(), self._keys.tenants(holder)]
            await self._store.script(self._scripts.forget, keys, [_text(holder), int(FORGOTTEN_AFTER_S * 1_000_000)])
        return found

    async def _all(self, holder: str, which: str) -> list[Reservation]:
        names = await self._store.command("SMEMBERS", self._keys.tenants(holder))
        found = await asyncio.gather(*(self._of(_name(name), holder, which) for name in sorted(names)))
        return [each for some in found for each in some]

    async def _of(self, tenant: str, holder: str, which: str) -> list[Reservation]:
        found: list[Reservation] = []
        while True:
            keys = [self._keys.open(tenant, holder), self._keys.counters(tenant), self._keys.used(tenant)]
            some = await self._store.script(self._scripts.reclaim, keys, [which, BATCH])
            found += [Reservation(_name(name), tenant, of_units(amounts)) for name, *amounts in some]
            if len(some) < BATCH:
                return found


def _text(name: str) -> bytes:
    return name.encode(errors="surrogatepass")


def _name(text: bytes) -> str:
    return text.decode(errors="surrogatepass")
