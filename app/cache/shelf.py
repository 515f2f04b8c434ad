"""Entries on their shelf: read one, and throw away what is not one. Exact and semantic lookups share it."""

import logging

from app.cache.entries import CacheEntry, decode_entry
from app.store.client import Store

logger = logging.getLogger("leanserve.cache")


async def read_entry(store: Store, tenant: str, entry_id: str) -> CacheEntry | None:
    """One GET. Foreign or poisoned bytes are no entry, and they are deleted. Raises StoreUnavailable."""
    key = store.keys.entry(tenant, entry_id)
    value = await store.command("GET", key)
    if value is None:
        return None
    entry = decode_entry(value, entry_id)
    if entry is None:
        logger.warning("a cache entry was not readable and is deleted: %s", entry_id)
        await store.command("DEL", key)
    return entry
