"""What reservations hold, for the replicas of engines: they read it and change nothing."""

from app.budget.lua import LedgerScripts
from app.budget.packing import of_units, unpack
from app.domain import Amounts
from app.store.client import Store


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
