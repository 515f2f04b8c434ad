"""What reservations hold, for the replicas of engines: they read it, and say what they made where nobody listens."""

from app.budget.lua import LedgerScripts
from app.budget.packing import of_units, unpack
from app.domain import Amounts
from app.domain.request_id import retry_id
from app.store.client import Store

MOST_TRIES = 128
"""To open an account that are looked for: one each half second of `wait_for_store_s`, which is a minute at most."""
MADE_S = 600
"""For so long it is known what an engine made: who asks waits for less than a second."""


class RedisGrants:
    """The `Grants` of `app/tiers/fuse.py` on one Redis."""

    def __init__(self, store: Store, *, scripts: LedgerScripts | None = None) -> None:
        self._store = store
        self._scripts = scripts or LedgerScripts.load()

    async def granted(self, tenant: str, reservation_id: str) -> Amounts | None:
        """What the reservation holds now; None where it was settled, withdrawn or reclaimed, or never was.

        Raises StoreUnavailable.
        """
        key = self._store.keys.reservation(tenant, reservation_id)
        found = unpack(await self._store.script(self._scripts.granted, [key], []))
        return of_units(found) if found else None

    async def made(self, tenant: str, reservation_id: str, attempt: int, output_tokens: int) -> None:
        """The attempt was cut off after so many output tokens. Raises StoreUnavailable."""
        key = self._store.keys.made(tenant, reservation_id, attempt)
        await self._store.command("SET", key, output_tokens, "EX", MADE_S)

    async def noted(self, tenant: str, reservation_id: str) -> Amounts | None:
        """The same of one whose holder died, reclaimed or not; None where it was settled, or never was.

        With what is held by the names of later tries to open it.
        """
        names = [retry_id(reservation_id, lost) for lost in range(MOST_TRIES)]
        keys = [self._store.keys.reservation(tenant, name) for name in names]
        found = unpack(await self._store.script(self._scripts.noted, keys, []))
        return of_units(found) if found else None
