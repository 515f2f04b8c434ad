"""The request: from a validated body to an answer, on one screen. `Gateway.answer` is where to start reading."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from app import caching
from app.answering import Answering
from app.background import Background, in_time
from app.budget.sizing import choices
from app.cache.collect import AnswerCollector
from app.cache.eligibility import identify
from app.cache.exact import ExactCache
from app.cache.flights.flights import Flights, Wanted
from app.cache.flights.leading import Telling
from app.cache.journal import CacheJournal
from app.cascade.run import answered
from app.config.checks import check_routing, warn_of_thresholds
from app.config.policy import Policy
from app.cost.prices import PriceSheet
from app.domain import (
    LARGE_BODY_BYTES,
    Answer,
    CacheHit,
    Chunk,
    GatewayRequest,
    NormalizedPrompt,
    PromptKeys,
    RouteDecision,
)
from app.errors import StoreUnavailable
from app.journey import Journey
from app.learn.journal import RouteJournal
from app.learn.shadow import Shadows
from app.observe.telemetry import Telemetry
from app.observe.trace import RequestTrace
from app.ports import BudgetLedger, ComplexityRouter, Normalizer, SemanticCache
from app.prompt.keys import KeyMaker
from app.prompt.tokens import estimate_input_tokens
from app.route.sessions import SessionTiers
from app.routing import Books, Routing, earned
from app.tiers.attempts import Attempts
from app.tiers.catalog import TierCatalog
from app.wire import finish, replayed, visible


@dataclass(frozen=True, slots=True)
class Stages:
    """The parts of the graph, local or remote: the gateway cannot tell."""

    keys: KeyMaker
    exact: ExactCache
    flights: Flights
    journal: CacheJournal
    routed: RouteJournal
    normalizer: Normalizer
    semantic: SemanticCache
    router: ComplexityRouter
    sessions: SessionTiers
    books: Books
    ledger: BudgetLedger
    attempts: Attempts
    telemetry: Telemetry


class Gateway:
    """Answers requests by one policy at a time; `reconfigure` swaps it between requests, never within one."""

    def __init__(self, stages: Stages, catalog: TierCatalog) -> None:
        self.catalog = catalog
        self.stages = stages
        self.policy = Policy()
        self._prices = PriceSheet({})  # prices nothing: before `reconfigure` nothing can be spent
        self._background = Background()
        self.routing = Routing(catalog, stages.router, stages.sessions, stages.books)
        self._shadows = Shadows(
            ledger=stages.ledger,
            attempts=stages.attempts,
            normalizer=stages.normalizer,
            catalog=catalog,
            journal=stages.routed,
        )

    def reconfigure(self, policy: Policy) -> None:
        """Take a new policy for the requests that begin after it. Raises `ConfigError`; the old one stays then."""
        prices = PriceSheet(policy.prices)
        prices.check(self.catalog.specs(self.catalog.names))
        check_routing(policy, self.catalog.names)
        warn_of_thresholds(policy, self.catalog.names)
        self.policy, self._prices = policy, prices

    def begin(self, request: GatewayRequest) -> Journey:
        """The record of a request, under the policy of its feature."""
        return Journey(request, self.policy.for_feature(request.caller.feature), self._prices)

    async def answer(self, journey: Journey) -> AsyncGenerator[list[Chunk], None]:
        """Chunks of a stream, or one whole body. `journey` fills as it goes.

        Nothing is yielded before an attempt has committed: until then every fault is an exception with a status.
        Closing the generator stops the engine and settles what was produced.
        """
        with self.stages.telemetry.request(journey, journey.prices.cost) as trace:
            try:
                async with aclosing(self._answer(journey, trace)) as parts:
                    async for chunks in parts:
                        trace.first_chunk()
                        yield chunks
            finally:
                self.stages.journal.note(journey)
                self.stages.routed.note(journey)

    async def _answer(self, journey: Journey, trace: RequestTrace) -> AsyncGenerator[list[Chunk], None]:
        self.routing.check(journey)
        keys, text = await self._keys(journey)
        journey.asked = text
        if hit := await self._exact(journey, trace, keys):
            yield replayed(journey, hit)
            return
        look = partial(self._exact, journey, trace, keys)
        make = partial(self._make, journey, trace, keys, text)
        async with aclosing(self.stages.flights.answer(Wanted(journey, keys, look, make, trace.stage))) as parts:
            async for chunks in parts:
                yield chunks

    async def _make(
        self,
        journey: Journey,
        trace: RequestTrace,
        keys: PromptKeys,
        text: str,
        telling: Telling,
    ) -> AsyncGenerator[list[Chunk], None]:
        """Stages 1 to 6. Who waits for the same answer is told of it through `telling`."""
        prompt, situation = await asyncio.gather(
            self._normalize(journey, trace, keys, text), self.routing.look(journey)
        )
        journey.terms = await self.routing.terms(journey, prompt.token_estimate, situation)
        hit, decision = await asyncio.gather(
            self._lookup(journey, trace, prompt), self.routing.decide(journey, prompt, journey.terms, trace.stage)
        )
        if hit:
            telling.found(hit)
            yield replayed(journey, hit)
            return
        caching.refuse_if_only_cached(journey)
        journey.decision = decision
        async with aclosing(self._generate(journey, trace, decision, prompt, telling)) as parts:
            async for chunks in parts:
                yield chunks

    async def _keys(self, journey: Journey) -> tuple[PromptKeys, str]:
        """The request's identities, and how far it may be cached; a large one is read beside the event loop."""
        read = partial(identify, self.stages.keys, journey.request, journey.policy)
        large = journey.request.body_bytes > LARGE_BODY_BYTES
        keys, text, ruling = await asyncio.to_thread(read) if large else read()
        caching.ruled(journey, ruling)
        return keys, text

    async def _exact(self, journey: Journey, trace: RequestTrace, keys: PromptKeys) -> CacheHit | None:
        """Stage 0: one round trip to Redis, no hop."""
        if not caching.reads_exact(journey):
            return None
        try:
            with trace.stage("cache.exact"):
                call = self.stages.exact.get(journey.request.caller, keys.canonical_key, caching.reading(journey))
                return caching.record(journey, await call)
        except StoreUnavailable:
            caching.record_fault(journey)
            return None

    async def _normalize(self, journey: Journey, trace: RequestTrace, keys: PromptKeys, text: str) -> NormalizedPrompt:
        """Stage 1. Without its embedding a prompt still works: no semantic hit, and the router is not sure."""
        request = journey.request
        if caching.needs_embedding(journey, keys):
            with trace.stage("normalize"):
                call = self.stages.normalizer.normalize(request, keys, text)
                if prompt := await in_time(journey, "normalizer", call):
                    return prompt
        return NormalizedPrompt(text, keys, estimate_input_tokens(request.payload), b"")

    async def _lookup(self, journey: Journey, trace: RequestTrace, prompt: NormalizedPrompt) -> CacheHit | None:
        """Stage 2a. Any fault of the cache is a miss."""
        if not (prompt.embedding and caching.reads_meaning(journey, prompt.keys)):
            return None
        with trace.stage("cache.lookup"):
            call = self.stages.semantic.lookup(journey.request.caller, prompt, caching.reading(journey))
            return caching.record(journey, await in_time(journey, "semantic cache", call))

    def _keep_session(self, journey: Journey) -> None:
        """Behind the client's back: the response does not wait for it."""
        if journey.request.caller.session and (tier := earned(journey)):
            self._background.start(self.routing.keep(journey, tier), "a session's tier was not kept")

    async def _generate(
        self,
        journey: Journey,
        trace: RequestTrace,
        decision: RouteDecision,
        prompt: NormalizedPrompt,
        telling: Telling,
    ) -> AsyncGenerator[list[Chunk], None]:
        """Stages 3 to 6: reserve, attempt, settle, remember. The last chunk waits until the books are closed."""
        request = journey.request
        collector, last = AnswerCollector(request.operation, choices(request.payload)), None
        try:
            async with aclosing(answered(journey, decision, self._answering(journey, trace, prompt).run)) as parts:
                async for chunks in parts:
                    collector.feed(chunks)
                    telling.feed(chunks, journey.tier, stream=request.stream)
                    shown, last = visible(chunks, last, stream=request.stream)
                    if shown:
                        yield shown
        finally:
            self._keep_session(journey)
        telling.done(journey.cost, self._remember(journey, prompt, collector))
        self._shadows.consider(journey, prompt, collector, trace)
        if end := finish(journey, last):
            yield end

    def _answering(self, journey: Journey, trace: RequestTrace, prompt: NormalizedPrompt) -> Answering:
        """Stages 3 to 5, for the request's time from now on."""
        attempts = self.stages.attempts
        patience = attempts.patience(journey.policy.attempts)
        return Answering(journey, trace, self.catalog, self.stages.ledger, attempts, prompt.token_estimate, patience)

    def _remember(
        self, journey: Journey, prompt: NormalizedPrompt, collector: AnswerCollector
    ) -> asyncio.Task[None] | None:
        """Keep a complete answer, behind the client's back: the response does not wait for it."""
        request, policy = journey.request, journey.policy.cache
        unsure = journey.cascade and journey.cascade.unsure
        if unsure or not (caching.writes(journey) and collector.complete):
            return None
        answer = Answer(collector.body(), journey.usage, journey.tier, journey.cost, request.cache_control.tags)
        store = self.stages.semantic.store(request.caller, prompt, answer, policy)
        return self._background.start(store, "an answer was not stored")
