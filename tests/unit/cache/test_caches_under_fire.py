import os
import signal
import time
from pathlib import Path

import pytest

from app.config.gateway import StoreSpec
from app.domain import CacheHit, CacheMiss
from app.errors import StoreUnavailable
from app.store.client import FAILURES, open_cache_store
from app.store.embedded import EmbeddedRedis, free_port
from tests.unit.cache.shelves import Caches, prompt

AWAY = CacheMiss("store_unavailable")


async def test_a_frozen_redis_is_a_fast_miss(tmp_path: Path) -> None:
    """Told within 20 ms of the time-out, at once when the breaker is open; a store is no error, and it comes back."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        now = [0.0]
        store = open_cache_store(server.url, StoreSpec(cache_timeout_s=0.1), clock=lambda: now[0])
        caches = Caches(store)
        await caches.keep(prompt("a"))
        os.kill(server.pid, signal.SIGSTOP)
        try:
            waits = []
            for _ in range(FAILURES + 2):
                began = time.perf_counter()
                with pytest.raises(StoreUnavailable):
                    await caches.get("a")
                waits.append(time.perf_counter() - began)
                assert await caches.ask(prompt("a")) == AWAY
            await caches.keep(prompt("a"))
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert 0.09 < waits[0] < 2  # the time-out, and what a busy machine adds
        assert min(waits[FAILURES:]) < 0.09
        now[0] += 60
        assert isinstance(await caches.ask(prompt("a")), CacheHit)
        await store.close()


async def test_an_absent_redis_is_a_miss() -> None:
    """The gateway answers without its cache."""
    store = open_cache_store(f"redis://127.0.0.1:{free_port()}/0", StoreSpec(cache_timeout_s=0.1))
    caches = Caches(store)
    await caches.keep(prompt("a"))
    with pytest.raises(StoreUnavailable):
        await caches.get("a")
    assert await caches.ask(prompt("a")) == AWAY
    await store.close()
