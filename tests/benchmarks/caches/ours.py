"""LeanServe's cache as the gateway uses it: keys and eligibility, exact key, neighbours in Redis, verifier."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.cache.eligibility import identify
from app.cache.exact import ExactCache
from app.cache.semantic import RedisSemanticCache
from app.config.gateway import EmbedderSpec, StoreSpec
from app.config.policy import Policy
from app.domain import Answer, CacheHit, Caller, GatewayRequest, NormalizedPrompt, Usage
from app.embed.sentence import SentenceEmbedder
from app.embed.source import find_embedder
from app.ports import Embedder, Verifier
from app.prompt.keys import KeyMaker
from app.store.client import Store, open_cache_store
from app.verify.verifier import PairVerifier
from tests.benchmarks.caches.job import Answers, Job

NAME = "LeanServe, its default policy"
PATIENT = StoreSpec(timeout_s=5, cache_timeout_s=5)


class KnownEmbedder:
    """Implements `Embedder` by rows computed before."""

    def __init__(self, path: Path) -> None:
        found = np.load(path)
        self._rows = dict(zip(found["texts"].tolist(), found["rows"], strict=True))

    async def embed(self, texts: Sequence[str], *, bulk: bool = False) -> list[bytes]:
        """What is known."""
        return [self._rows[text].tobytes() for text in texts]


@dataclass(frozen=True, slots=True)
class Ours:
    """The cache's side of a gateway, over one store."""

    store: Store
    keys: KeyMaker
    exact: ExactCache
    semantic: RedisSemanticCache
    embedder: Embedder
    policy: Policy

    @classmethod
    def open(cls, url: str, embedder: Embedder, verifier: Verifier, policy: Policy | None = None) -> "Ours":
        """On the Redis at `url`."""
        store, spec = open_cache_store(url, PATIENT), EmbedderSpec()
        semantic = RedisSemanticCache(store, verifier=verifier)
        keys = KeyMaker(spec.identity, verifier=verifier.version)
        return cls(store, keys, ExactCache(store), semantic, embedder, policy or Policy())

    async def prompt(self, text: str) -> NormalizedPrompt:
        """As the gateway makes it of one message. MiniLM sees no case: the raw text embeds as the canonical one."""
        payload = {"model": "auto", "messages": [{"role": "user", "content": text}]}
        keys, canonical, _ = identify(self.keys, GatewayRequest("bench", "chat", payload), self.policy)
        [embedding] = await self.embedder.embed([text]) if keys.neighbourhood else [b""]
        return NormalizedPrompt(canonical, keys, 16, embedding)

    async def close(self) -> None:
        """Close the connections."""
        await self.store.close()

    async def keep(self, tenant: str, text: str, answer: str) -> None:
        """Store an answer."""
        await self.semantic.store(Caller(tenant), await self.prompt(text), as_answer(answer), self.policy.cache)

    async def ask(self, tenant: str, text: str) -> str | None:
        """The stored answer, by the exact key or by meaning."""
        caller, cache = Caller(tenant), self.policy.cache
        prompt = await self.prompt(text)
        exact = await self.exact.get(caller, prompt.keys.canonical_key, cache)
        found = exact or await self.semantic.lookup(caller, prompt, cache)
        return found.answer["choices"][0]["message"]["content"] if isinstance(found, CacheHit) else None


def as_answer(text: str) -> Answer:
    """A whole chat body."""
    body: dict[str, Any] = {"object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop"}]}
    body["choices"][0]["message"] = {"role": "assistant", "content": text}
    return Answer(body, Usage(10, 0, 10), "small")


async def run(job: Job) -> Answers:
    """As `job.run`, with a tenant for each pair."""
    verifier = PairVerifier.open()
    ours = Ours.open(job.redis_url, KnownEmbedder(Path(job.vectors)), verifier)
    answers = Answers(NAME)
    for name, pairs in job.pairs.items():
        answers.hits[name] = [await _hits(ours, f"{name} {place}", *pair) for place, pair in enumerate(pairs)]
    for text, intent in job.bot_stored:
        await ours.keep("bot", text, intent)
    answers.bot = [await ours.ask("bot", text) for text in job.bot_asked]
    live = SentenceEmbedder.open(EmbedderSpec(), find_embedder(EmbedderSpec().model))
    timed = Ours.open(job.redis_url, live, verifier)
    answers.seconds = [await _seconds(timed, text) for text in job.bot_asked[: job.timed]]
    for each in (ours, timed):
        await each.close()
    live.close()
    return answers


async def _hits(ours: Ours, tenant: str, stored: str, asked: str) -> bool:
    await ours.keep(tenant, stored, "kept")
    return await ours.ask(tenant, asked) is not None


async def _seconds(ours: Ours, text: str) -> float:
    began = time.perf_counter()
    await ours.ask("bot", text)
    return time.perf_counter() - began


def answers(job: Job) -> Answers:
    """Blocking."""
    return asyncio.run(run(job))
