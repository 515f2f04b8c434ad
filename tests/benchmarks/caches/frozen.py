"""A frozen Redis: from the request to the miss, against the time-out that is set."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.cache.exact import ExactCache
from app.config.gateway import StoreSpec
from app.config.policy import CachePolicy
from app.domain import Caller
from app.errors import StoreUnavailable
from app.store.client import FAILURES, Store, open_cache_store
from app.store.embedded import EmbeddedRedis
from app.store.scripts import send
from tests.benchmarks.caches.spread import p50_p99, percentile
from tests.benchmarks.stand import say
from tests.benchmarks.summary import Row

AT_ONCE = (1, 64, 256)
TRIES = 20
ROUNDS = 20
LATE_MS = 20
OPEN_MS = 2


class Clock:
    """Seconds of the breaker: put forward, it lets the next probe through."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.now


def measure(folder: Path) -> Row:
    """`ROUNDS` freezes for each number of requests at once, each with connections that worked and a closed breaker."""
    say("frozen Redis")
    spec = StoreSpec()
    with EmbeddedRedis(folder / "frozen") as server:
        waits, refused = asyncio.run(_timed(server, spec))
    timers = asyncio.run(_timers(spec.cache_timeout_s))
    worst = max(percentile(found, 99) for found in waits.values()) - spec.cache_timeout_s
    shown = ", ".join(f"{count} at once {p50_p99(found)}" for count, found in waits.items())
    return Row(
        f"frozen Redis: a miss ≤ {LATE_MS} ms after the time-out, < {OPEN_MS} ms with the breaker open",
        f"a bare timer of {spec.cache_timeout_s * 1e3:.0f} ms: {p50_p99(timers)}",
        f"{shown} (p50 / p99)",
        f"p99 {worst * 1e3:+.1f} ms; breaker open {p50_p99(refused)}",
        worst * 1e3 <= LATE_MS and percentile(refused, 99) * 1e3 < OPEN_MS,
        {"waits_s": waits, "refused_s": refused, "timers_s": timers},
        sure=percentile(timers, 99) - spec.cache_timeout_s < LATE_MS / 2e3,
    )


async def _timers(seconds: float) -> list[float]:
    """How late this machine's event loop is at its best."""

    async def one() -> float:
        began = time.perf_counter()
        await asyncio.sleep(seconds)
        return time.perf_counter() - began

    return [wait for _ in range(ROUNDS) for wait in await asyncio.gather(*(one() for _ in range(AT_ONCE[1])))]


async def _timed(server: EmbeddedRedis, spec: StoreSpec) -> tuple[dict[int, list[float]], list[float]]:
    clock = Clock()
    store = open_cache_store(server.url, spec, clock=clock)
    waits: dict[int, list[float]] = {}
    refused: list[float] = []
    for count in AT_ONCE:
        waits[count] = []
        for _ in range(ROUNDS):
            await _well(store, count, clock)
            with _stopped(server):
                waits[count] += await _at_once(store, count)
                await _at_once(store, FAILURES)  # open by now, however few there were
                refused += await _at_once(store, 1)
    await store.close()
    return waits, refused


async def _well(store: Store, count: int, clock: Clock) -> None:
    """The breaker closed, and as many connections as `count` callers use. On a busy machine opening so many at once may
    outlast the time-out of one: those that were opened stay, and the rest are tried again."""
    for _ in range(TRIES):
        clock.now += 60
        if all(await asyncio.gather(*(_answered(store) for _ in range(count)))):
            return
    raise StoreUnavailable(f"{count} connections at once do not come to be")


async def _answered(store: Store) -> bool:
    try:
        await store.run(lambda client: send(client, "PING"), timeout_s=5)
    except StoreUnavailable:
        return False
    return True


async def _at_once(store: Store, count: int) -> list[float]:
    return await asyncio.gather(*(_seconds(store) for _ in range(count)))


async def _seconds(store: Store) -> float:
    """Of a look by the exact key."""
    began = time.perf_counter()
    with suppress(StoreUnavailable):
        await ExactCache(store).get(Caller("bench"), "0" * 64, CachePolicy())
    return time.perf_counter() - began


@contextmanager
def _stopped(server: EmbeddedRedis) -> Iterator[None]:
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)
