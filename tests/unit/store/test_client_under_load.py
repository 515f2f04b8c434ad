import asyncio
import os
import signal
import time
from contextlib import suppress
from functools import partial
from statistics import median

from redis.asyncio import Redis

from app.config.gateway import StoreSpec
from app.errors import StoreUnavailable
from app.store.client import FAILURES, MAX_CONNECTIONS, Store, open_cache_store, open_store
from app.store.embedded import EmbeddedRedis
from app.store.scripts import send

MANY = 4 * MAX_CONNECTIONS
"""Callers, so that most of them wait for a connection."""
NOISE_S = 5.0
"""What a busy machine may add. Behind a time-out that got lost a caller waits for ever: Redis is frozen."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def seconds(store: Store) -> float:
    """How long until the answer, or until there was none."""
    began = time.perf_counter()
    with suppress(StoreUnavailable):
        await store.command("GET", "a")
    return time.perf_counter() - began


async def test_nobody_waits_longer_than_the_timeout(own: EmbeddedRedis) -> None:
    """Many callers of a frozen Redis, with and without a connection: all have their miss in time, in every round.

    A time-out is a cancellation, and whatever swallows one on the way (see `_client`) lets its caller wait for ever.
    """
    clock = Clock()
    store = open_cache_store(own.url, StoreSpec(cache_timeout_s=0.1), clock=clock)
    for _ in range(20):
        os.kill(own.pid, signal.SIGSTOP)
        try:
            waits = await asyncio.gather(*(seconds(store) for _ in range(MANY)))
            assert max(waits) < 0.1 + NOISE_S
            assert median(await asyncio.gather(*(seconds(store) for _ in range(MANY)))) < 0.05
        finally:
            os.kill(own.pid, signal.SIGCONT)
        clock.now += 60
        assert await store.command("ECHO", "there") == b"there"
    await store.close()


async def _echo(word: int, client: Redis) -> bytes:
    answer: bytes = await send(client, "ECHO", word)
    return answer


async def test_after_a_freeze_all_connections_work(own: EmbeddedRedis) -> None:
    """What was frozen is replaced: as many callers as before are answered at once, and nobody hears another's reply."""
    clock = Clock()
    # Long enough for so many connections at once on a busy machine: how soon a caller gives up is the test's above.
    store = open_cache_store(own.url, StoreSpec(cache_timeout_s=1), clock=clock)
    os.kill(own.pid, signal.SIGSTOP)
    try:
        await asyncio.gather(*(seconds(store) for _ in range(MANY)))
    finally:
        os.kill(own.pid, signal.SIGCONT)
    clock.now += 60
    await store.command("PING")
    patient = [store.run(partial(_echo, n), timeout_s=5) for n in range(MANY)]
    assert await asyncio.gather(*patient) == [f"{n}".encode() for n in range(MANY)]
    await store.close()


async def test_the_cache_has_a_breaker_of_its_own(own: EmbeddedRedis) -> None:
    """The cache is impatient: what it suffers says nothing to the ledger's store, which still asks and waits."""
    spec = StoreSpec(timeout_s=5, cache_timeout_s=0.05)
    ledger, cache = await open_store(own.url, spec), open_cache_store(own.url, spec)
    os.kill(own.pid, signal.SIGSTOP)
    try:
        for _ in range(FAILURES):
            assert await seconds(cache) > 0.04
        assert min([await seconds(cache) for _ in range(3)]) < 0.04
        asked = asyncio.create_task(ledger.command("ECHO", "there"))
        await asyncio.sleep(0.1)
    finally:
        os.kill(own.pid, signal.SIGCONT)
    assert await asked == b"there"
    await ledger.close()
    await cache.close()


async def test_slow_commands_beside_answered_ones_open_no_breaker(own: EmbeddedRedis) -> None:
    """A time-out while others were answered is not silence: Redis is there."""
    store = open_cache_store(own.url, StoreSpec(cache_timeout_s=0.2))
    slow = [asyncio.create_task(store.command("BLPOP", "nothing", 3)) for _ in range(FAILURES * 2)]
    await asyncio.sleep(0.1)
    await store.command("PING")
    refused = await asyncio.gather(*slow, return_exceptions=True)
    assert all(isinstance(each, StoreUnavailable) for each in refused)
    assert await store.command("ECHO", "there") == b"there"
    await store.close()


async def test_commands_that_belong_together_share_one_timeout(own: EmbeddedRedis) -> None:
    """A slow store costs a lookup one time-out, not one for each of its round trips."""
    store = open_cache_store(own.url, StoreSpec(cache_timeout_s=0.2))
    await store.command("PING")
    began = time.perf_counter()
    with store.one_timeout():
        for _ in range(3):
            with suppress(StoreUnavailable):
                await store.command("BLPOP", "nothing", "0.15")
    assert time.perf_counter() - began < 0.43
    await store.close()
