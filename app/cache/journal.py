"""What the caches did, written behind the client's back: counts by day, the usefulness of entries, semantic hits.

Notes of a moment are written together: a hit costs the request a few microseconds and Redis a share of one round trip.
What a Redis that is away would have been told is lost; nothing here decides an answer.
"""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from redis.asyncio import Redis

from app.cache.catalogue import day, weight
from app.cache.served import SERVED_S, Served, encode_served
from app.domain import CacheHit
from app.errors import StoreUnavailable
from app.journey import Journey
from app.store.client import Store

logger = logging.getLogger("leanserve.cache")

DELAY_S = 0.05
"""Notes wait so long for others: a report of a wrong hit, made by people, is never quicker."""
KEPT_S = 40 * 86_400
"""How long the counts of a day are kept; as in `scripts/catalogue.lua`."""
MOST_SERVED = 1_000
"""Records of hits that wait at most: while Redis is away, memory is bounded."""
LOST = "the cache's statistics and records of hits, no entries, were lost for up to %d requests: the store is away"


@dataclass(slots=True)
class _Page:
    """What waits to be written of one tenant."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    worth: Counter[str] = field(default_factory=Counter)
    served: dict[str, Served] = field(default_factory=dict)
    requests: int = 0


class CacheJournal:
    """Takes notes at once, writes them soon. `clock` is seconds since 1970. Use it on one event loop."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time, delay_s: float = DELAY_S) -> None:
        self._store = store
        self._clock = clock
        self._delay_s = delay_s
        self._pages: defaultdict[str, _Page] = defaultdict(_Page)
        self._writing: asyncio.Task[None] | None = None

    def note(self, journey: Journey) -> None:
        """A request is over: what came of the caches, and for a semantic hit what was taken for the same."""
        if journey.cache == "bypass":
            return
        page, today = self._pages[journey.request.caller.tenant], day(self._clock())
        page.requests += 1
        page.counts[today, journey.cache] += 1
        if hit := journey.hit:
            page.counts[today, "saved_micro_usd"] += hit.cost
            if hit.kind != "coalesced":  # of no entry yet: the answer was on its way
                page.worth[hit.entry_id] += weight(hit.cost)
            if hit.kind == "semantic" and len(page.served) < MOST_SERVED:
                page.served[journey.request.id] = _served(journey.asked, hit)
        self._write_soon()

    async def flush(self) -> None:
        """Write what waits."""
        pages, self._pages, lost = self._pages, defaultdict(_Page), 0
        for tenant, page in pages.items():
            try:
                await self._store.run(partial(self._write, tenant, page))
            except StoreUnavailable:
                lost += page.requests
        if lost:  # at most: what was answered too late for us is written
            logger.warning(LOST, lost)

    def _write_soon(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.ensure_future(self._write_later())

    async def _write_later(self) -> None:
        while self._pages:
            await asyncio.sleep(self._delay_s)
            await self.flush()

    async def _write(self, tenant: str, page: _Page, client: Redis) -> None:
        keys = self._store.keys
        async with client.pipeline(transaction=False) as pipe:
            for (today, what), number in page.counts.items():
                pipe.execute_command("HINCRBY", keys.cache_counts(tenant, today), what, number)
            for today in {today for today, _ in page.counts}:
                pipe.execute_command("EXPIRE", keys.cache_counts(tenant, today), KEPT_S)
            for entry_id, more in page.worth.items():
                pipe.execute_command("ZADD", keys.cache(tenant) + "worth", "XX", "INCR", more, bytes.fromhex(entry_id))
            for request_id, record in page.served.items():
                pipe.execute_command("SET", keys.served(tenant, request_id), encode_served(record), "EX", SERVED_S)
            await pipe.execute(raise_on_error=False)


def _served(asked: str, hit: CacheHit) -> Served:
    return Served(hit.entry_id, asked, hit.prompt, hit.similarity, hit.p_same)
