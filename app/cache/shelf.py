"""Reading entries: only undamaged ones, and only those of the one who asks. What is none is taken off the shelf."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from app.cache.catalogue import Catalogue
from app.cache.entries import CacheEntry, decode_entry
from app.config.policy import CachePolicy
from app.domain import Caller
from app.store.client import Store

logger = logging.getLogger("leanserve.cache")

NOTHING = ""
"""The digest of a key that holds no entry."""


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom entries are read: a tenant, and the user whose own they are; empty where the tenant shares them."""

    tenant: str
    user: str

    @classmethod
    def of(cls, caller: Caller, policy: CachePolicy) -> "Asker":
        """The caller, as far as `policy.scope` keeps callers apart."""
        return cls(caller.tenant, caller.user if policy.scope == "user" else "")


class Shelf:
    """Reads the entries of all tenants. Every method raises StoreUnavailable."""

    def __init__(self, store: Store, catalogue: Catalogue | None = None) -> None:
        self._store = store
        self._catalogue = catalogue or Catalogue(store)

    async def read(self, asker: Asker, entry_id: str) -> CacheEntry | None:
        """One MGET, which takes a key of another type for none. Foreign or poisoned bytes are no entry, and they go."""
        with self._store.one_timeout():
            [value] = await self._store.command("MGET", self._store.keys.entry(asker.tenant, entry_id))
            if value is None:
                return None
            entry = decode_entry(value, entry_id)
            if entry is None:
                await self._drop(asker.tenant, "", [(entry_id, _digest(value))])
        return entry if entry and entry.user == asker.user else None

    async def read_neighbours(self, asker: Asker, neighbourhood: str, ids: Sequence[str]) -> dict[str, CacheEntry]:
        """One MGET; the entries that are there, by id. A vector whose entry is gone goes as well."""
        keys = [self._store.keys.entry(asker.tenant, entry_id) for entry_id in ids]
        values = await self._store.command("MGET", *keys)
        found = {i: entry for i, value in zip(ids, values, strict=True) if value and (entry := decode_entry(value, i))}
        if lost := [(i, _digest(value)) for i, value in zip(ids, values, strict=True) if i not in found]:
            await self._drop(asker.tenant, neighbourhood, lost)
        return {entry_id: entry for entry_id, entry in found.items() if entry.user == asker.user}

    async def _drop(self, tenant: str, neighbourhood: str, met: Sequence[tuple[str, str]]) -> None:
        if foreign := [entry_id for entry_id, digest in met if digest != NOTHING]:
            logger.warning("cache entries were not readable and are deleted: %s", ", ".join(foreign))
        await self._catalogue.drop(tenant, neighbourhood, met)


def _digest(value: bytes | None) -> str:
    return NOTHING if value is None else hashlib.sha1(value, usedforsecurity=False).hexdigest()
