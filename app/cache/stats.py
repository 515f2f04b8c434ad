"""What is on a tenant's shelf, and what its caches did."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from redis.asyncio import Redis

from app.cache.catalogue import day
from app.store.client import Store

DAY_S = 86_400
KINDS = ("exact", "semantic", "coalesced")
"""How a request is answered without a model of its own."""
TOP = 20
"""Features that are told, those with the most entries."""


@dataclass(frozen=True, slots=True)
class CacheStats:
    """`bytes` are those of the entries' values. `days` are counts by name, by UTC day, the latest first."""

    entries: int
    bytes: int
    features: Mapping[str, int]
    days: Mapping[str, Mapping[str, int]]

    def totals(self) -> dict[str, int]:
        """The counts of all days."""
        names = {name for counts in self.days.values() for name in counts}
        return {name: sum(counts.get(name, 0) for counts in self.days.values()) for name in sorted(names)}

    def hit_rate(self) -> dict[str, float]:
        """The share of requests that were answered by each kind, and by any (`all`), of those that looked."""
        totals = self.totals()
        hits = {kind: totals.get(kind, 0) for kind in KINDS}
        looked = sum(hits.values()) + totals.get("miss", 0)
        return {
            kind: number / looked if looked else 0.0 for kind, number in {**hits, "all": sum(hits.values())}.items()
        }


class StatsReader:
    """Reads them in one round trip. `clock` is seconds since 1970. Raises StoreUnavailable."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def read(self, tenant: str, days: int = 7) -> CacheStats:
        """The shelf now, and the counts of today and the days before."""
        now = self._clock()
        dates = [day(now - back * DAY_S) for back in range(days)]
        answers = await self._store.run(lambda client: self._ask(client, tenant, now, dates))
        entries, ended, size, features, *counts = answers
        return CacheStats(
            entries=max(0, entries - ended),
            bytes=int(size or 0),
            features={_feature(label): int(float(number)) for label, number in _pairs(features)},
            days={
                date: {what.decode(): int(n) for what, n in _pairs(found)}
                for date, found in zip(dates, counts, strict=True)
            },
        )

    async def _ask(self, client: Redis, tenant: str, now: float, dates: Sequence[str]) -> list[Any]:
        keys = self._store.keys
        stem = keys.cache(tenant)
        async with client.pipeline(transaction=False) as pipe:
            pipe.execute_command("HLEN", stem + "cards")
            pipe.execute_command("ZCOUNT", stem + "ends", "-inf", repr(now))
            pipe.execute_command("GET", stem + "bytes")
            pipe.execute_command("ZREVRANGE", stem + "features", 0, TOP - 1, "WITHSCORES")
            for date in dates:
                pipe.execute_command("HGETALL", keys.cache_counts(tenant, date))
            return await pipe.execute()


def _pairs(answer: Any) -> list[tuple[bytes, Any]]:
    """redis-py makes a mapping of one reply and leaves the other as it is."""
    return list(answer.items() if isinstance(answer, Mapping) else zip(answer[::2], answer[1::2], strict=True))


def _feature(label: bytes) -> str:
    """The feature of a label `f:<escaped>`; a hashed one (over 200 characters) stays as it is."""
    text = label.decode().removeprefix("f:")
    return "" if text == "%" else unquote(text)
