"""Stages 0 to 2a of a request: what it is, and whether it was answered before."""

import asyncio
from dataclasses import dataclass, replace
from functools import partial

from app import caching
from app.background import in_time
from app.cache.eligibility import identify
from app.cache.exact import ExactCache
from app.domain import LARGE_BODY_BYTES, CacheHit, LimitAction, NormalizedPrompt, PromptKeys
from app.errors import BudgetRefused, StoreUnavailable
from app.journey import Journey
from app.observe.trace import RequestTrace
from app.ports import Normalizer, SemanticCache
from app.prompt.keys import KeyMaker
from app.prompt.tokens import estimate_input_tokens


@dataclass(frozen=True, slots=True)
class Lookups:
    """Every one of them may fail: then a request goes on without."""

    maker: KeyMaker
    entries: ExactCache
    normalizer: Normalizer
    semantic: SemanticCache

    async def keys(self, journey: Journey) -> tuple[PromptKeys, str]:
        """The request's identities, and how far it may be cached; a large one is read beside the event loop."""
        read = partial(identify, self.maker, journey.request, journey.policy)
        large = journey.request.body_bytes > LARGE_BODY_BYTES
        keys, text, ruling = await asyncio.to_thread(read) if large else read()
        caching.ruled(journey, ruling)
        return keys, text

    async def exact(self, journey: Journey, trace: RequestTrace, keys: PromptKeys) -> CacheHit | None:
        """Stage 0: one round trip to Redis, no hop."""
        if not caching.reads_exact(journey):
            return None
        try:
            with trace.stage("cache.exact"):
                call = self.entries.get(journey.request.caller, keys.canonical_key, caching.reading(journey))
                return caching.record(journey, await call)
        except StoreUnavailable:
            caching.record_fault(journey)
            return None

    async def normalize(self, journey: Journey, trace: RequestTrace, keys: PromptKeys, text: str) -> NormalizedPrompt:
        """Stage 1. Without its embedding a prompt still works: no semantic hit, and the router is not sure."""
        request = journey.request
        if caching.needs_embedding(journey, keys):
            with trace.stage("normalize"):
                call = self.normalizer.normalize(request, keys, text)
                if prompt := await in_time(journey, "normalizer", call):
                    return prompt
        return NormalizedPrompt(text, keys, estimate_input_tokens(request.payload), b"")

    async def meaning(self, journey: Journey, trace: RequestTrace, prompt: NormalizedPrompt) -> CacheHit | None:
        """Stage 2a. Any fault of the cache is a miss."""
        if not (prompt.embedding and caching.reads_meaning(journey, prompt.keys)):
            return None
        with trace.stage("cache.lookup"):
            call = self.semantic.lookup(journey.request.caller, prompt, caching.reading(journey))
            return caching.record(journey, await in_time(journey, "semantic cache", call))

    async def kept_out(
        self, journey: Journey, trace: RequestTrace, prompt: NormalizedPrompt, refused: BudgetRefused
    ) -> CacheHit | None:
        """An answer that the client did not want from the cache, where a limit leaves it nothing else."""
        request, limit = journey.request, refused.exceeded.limit
        if limit.action is not LimitAction.CACHE_ONLY or request.cache_control.read:
            return None
        control = replace(request.cache_control, read=True)
        journey.request = replace(request, cache_control=control)
        return await self.exact(journey, trace, prompt.keys) or await self.meaning(journey, trace, prompt)
