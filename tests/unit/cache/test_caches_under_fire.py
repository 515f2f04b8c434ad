import os
import signal
import time
from pathlib import Path

import numpy as np

from app.cache.exact import ExactCache
from app.cache.semantic import RedisSemanticCache
from app.config.gateway import StoreSpec
from app.config.policy import CachePolicy
from app.domain import CacheHit, Caller, Chunk, NormalizedPrompt, PromptKeys, Usage
from app.store.client import FAILURES, Store, open_store
from app.store.embedded import EmbeddedRedis, free_port

ACME, POLICY = Caller("acme"), CachePolicy()
ANSWER: Chunk = {"choices": [{"index": 0, "text": "hello", "finish_reason": "stop"}]}
PROMPT = NormalizedPrompt("a", PromptKeys("a", "context", "context"), 3, np.eye(1, 384, dtype="<f4").tobytes())


class Caches:
    def __init__(self, store: Store) -> None:
        self.exact = ExactCache(store)
        self.semantic = RedisSemanticCache(store, embedder="minilm")

    async def keep(self) -> None:
        await self.semantic.store(ACME, PROMPT, ANSWER, Usage(), "small", POLICY)

    async def get(self) -> CacheHit | None:
        return await self.exact.get(ACME, "a", POLICY)

    async def look(self) -> CacheHit | None:
        return await self.semantic.lookup(ACME, PROMPT, POLICY)


async def test_a_frozen_redis_is_a_fast_miss(tmp_path: Path) -> None:
    """A miss within 20 ms of the time-out, at once when the breaker is open; never an error, and it comes back."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        now = [0.0]
        store = await open_store(server.url, StoreSpec(timeout_s=0.1), clock=lambda: now[0])
        caches = Caches(store)
        await caches.keep()
        os.kill(server.pid, signal.SIGSTOP)
        try:
            waits = []
            for _ in range(FAILURES + 2):
                began = time.perf_counter()
                assert await caches.get() is None
                waits.append(time.perf_counter() - began)
                assert await caches.look() is None
            await caches.keep()
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert 0.09 < waits[0] < 0.2  # the time-out, and what a busy machine adds
        assert max(waits[FAILURES:]) < 0.02
        now[0] += 60
        assert await caches.look()
        await store.close()


async def test_an_absent_redis_is_a_miss() -> None:
    """The gateway answers without its cache."""
    store = await open_store(f"redis://127.0.0.1:{free_port()}/0", StoreSpec(timeout_s=0.1))
    caches = Caches(store)
    await caches.keep()
    assert await caches.get() is None
    assert await caches.look() is None
    await store.close()
