"""The exact cache: the same canonical key wants the same answer."""

import time
from collections.abc import Callable

from app.cache.shelf import read_entry
from app.config.policy import CachePolicy
from app.domain import CacheHit, Caller
from app.errors import StoreUnavailable
from app.store.client import Store


class ExactCache:
    """Reads what `SemanticCache.store` keeps. `clock` is seconds since 1970."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def get(self, caller: Caller, canonical_key: str, policy: CachePolicy) -> CacheHit | None:
        """The tenant's entry under `canonical_key`, in one round trip. A store that fails is a miss."""
        if not policy.exact:
            return None
        try:
            entry = await read_entry(self._store, caller.tenant, canonical_key)
        except StoreUnavailable:
            return None
        return entry.hit("exact", 1.0, self._clock()) if entry else None
