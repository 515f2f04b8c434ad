"""The semantic cache: neighbours among the prompts of the same tenant and context.

A vector set per (tenant, neighbourhood) holds the ids of entries: a neighbourhood is a context, and in it the numbers,
names and negations that must agree (`app.prompt.guard`). Which key is read is the isolation: there is no filter that
could be forgotten.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from app.cache.entries import CacheEntry, encode_entry
from app.cache.shelf import read_entry
from app.config.policy import CachePolicy
from app.domain import CacheHit, Caller, Chunk, NormalizedPrompt, Usage
from app.errors import StoreUnavailable
from app.store.client import Store
from app.store.scripts import Script

logger = logging.getLogger("leanserve.cache")

NEIGHBOURS = 4
"""Candidates of a lookup: some may be gone, the nearest that is there answers."""

FORGET = Script("if redis.call('EXISTS', KEYS[2]) == 0 then return redis.call('VREM', KEYS[1], ARGV[1]) end return 0")
"""Remove a vector whose entry is gone; atomic, so that an entry stored again meanwhile keeps its vector."""


def similarity(score: float) -> float:
    """The cosine, 0–1, of VSIM's score, which is (1 + cosine) / 2 (redis.io, VSIM). Opposites are 0 as well."""
    return min(1.0, max(0.0, 2.0 * score - 1.0))


class RedisSemanticCache:
    """The SemanticCache port. `embedder` names the model of all vectors here; `clock` is seconds since 1970."""

    def __init__(self, store: Store, *, embedder: str, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._embedder = embedder
        self._clock = clock

    async def lookup(self, caller: Caller, prompt: NormalizedPrompt, policy: CachePolicy) -> CacheHit | None:
        """The nearest entry at or above `policy.threshold`, or None; None too when the store fails."""
        if not (policy.semantic and prompt.embedding and prompt.keys.neighbourhood):
            return None
        try:
            return await self._nearest(caller.tenant, prompt, policy.threshold)
        except StoreUnavailable:
            return None

    async def store(
        self,
        caller: Caller,
        prompt: NormalizedPrompt,
        answer: Chunk,
        usage: Usage,
        tier: str,
        policy: CachePolicy,
    ) -> None:
        """Keep a complete answer for `policy.ttl_s`, unless it is too large. A store that fails keeps nothing."""
        entry = CacheEntry(prompt.keys.canonical_key, answer, usage, tier, self._clock(), self._embedder)
        value = encode_entry(entry, policy.max_answer_bytes)
        if value is None:
            return
        try:
            await self._keep(caller.tenant, prompt, value, policy)
        except StoreUnavailable:
            logger.warning("an answer was not stored: the store is away")

    async def _nearest(self, tenant: str, prompt: NormalizedPrompt, threshold: float) -> CacheHit | None:
        vectors = self._store.keys.vectors(tenant, prompt.keys.neighbourhood)
        for entry_id, score in await self._neighbours(vectors, prompt.embedding):
            if similarity(score) < threshold:
                return None
            entry = await read_entry(self._store, tenant, entry_id)
            if entry and entry.embedder == self._embedder:
                return entry.hit("semantic", similarity(score), self._clock())
            if entry is None:
                keys = [vectors, self._store.keys.entry(tenant, entry_id)]
                await self._store.script(FORGET, keys, [entry_id])
        return None

    async def _neighbours(self, vectors: str, embedding: bytes) -> list[tuple[str, float]]:
        found = await self._store.command("VSIM", vectors, "FP32", embedding, "WITHSCORES", "COUNT", NEIGHBOURS)
        return [(name.decode(), float(score)) for name, score in zip(found[::2], found[1::2], strict=True)]

    async def _keep(self, tenant: str, prompt: NormalizedPrompt, value: bytes, policy: CachePolicy) -> None:
        entry_id = prompt.keys.canonical_key
        vectors = self._store.keys.vectors(tenant, prompt.keys.neighbourhood)
        commands: list[tuple[str | bytes | int, ...]] = [
            ("SET", self._store.keys.entry(tenant, entry_id), value, "EX", policy.ttl_s)
        ]
        if policy.semantic and prompt.embedding and prompt.keys.neighbourhood:
            commands += [
                ("VADD", vectors, "FP32", prompt.embedding, entry_id, "Q8"),
                # GT alone takes a key without an end for one that lasts forever; both together never shorten.
                ("EXPIRE", vectors, policy.ttl_s, "NX"),
                ("EXPIRE", vectors, policy.ttl_s, "GT"),
            ]
        await self._store.run(_pipelined(commands, vectors))


def _pipelined(commands: Sequence[tuple[str | bytes | int, ...]], vectors: str) -> Callable[[Redis], Awaitable[None]]:
    """All `commands` in one round trip. A vector set that is none (or of other dimensions) is deleted: it heals."""

    async def send(client: Redis) -> None:
        async with client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            answers = await pipe.execute(raise_on_error=False)
        refused = [answer for answer in answers if isinstance(answer, ResponseError)]
        if any(("WRONGTYPE" in str(error) or "dimension" in str(error)) for error in refused):
            logger.warning("a vector set was not ours and is deleted")
            await client.unlink(vectors)
        elif refused:
            raise refused[0]

    return send
