"""The desk of the cache: all that an operator or a client may ask of a tenant's entries, in one object."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.cache.feedback import Feedback
from app.cache.invalidate import Invalidator
from app.cache.journal import CacheJournal
from app.cache.stats import StatsReader
from app.store.client import Store


@dataclass(frozen=True, slots=True)
class CacheDesk:
    """What stands behind `/v1/cache/*`."""

    invalidator: Invalidator
    feedback: Feedback
    stats: StatsReader

    @classmethod
    def over(cls, store: Store, journal: CacheJournal, *, clock: Callable[[], float] = time.time) -> "CacheDesk":
        """The desk over one store; `journal` is that of the gateway beside it."""
        return cls(
            Invalidator(store, clock=clock), Feedback(store, journal, clock=clock), StatsReader(store, clock=clock)
        )
