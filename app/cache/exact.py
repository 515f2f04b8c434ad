"""The exact cache: the same canonical key wants the same answer."""

import time
from collections.abc import Callable

from app.cache.entries import short_id
from app.cache.shelf import Asker, Shelf
from app.config.policy import CachePolicy
from app.domain import CacheHit, Caller
from app.store.client import Store


class ExactCache:
    """Reads what `SemanticCache.store` keeps. `clock` is seconds since 1970."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._shelf = Shelf(store)
        self._clock = clock

    async def get(self, caller: Caller, canonical_key: str, policy: CachePolicy) -> CacheHit | None:
        """The caller's entry under `canonical_key`, at most `policy.ttl_s` old, in one round trip.

        Raises StoreUnavailable: who asks next knows then that the store is away, and need not wait for it again.
        """
        if not policy.exact:
            return None
        entry = await self._shelf.read(Asker.of(caller, policy), short_id(canonical_key))
        now = self._clock()
        return entry.hit("exact", now) if entry and entry.fresh(now, policy.ttl_s) else None
