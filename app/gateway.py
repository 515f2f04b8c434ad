"""The request: from a validated body to an answer, on one screen. `Gateway.answer` is where to start reading."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from app import caching
from app.agents.sessions import Sessions, explained
from app.answering.answering import Answering
from app.answering.means import Hedging, Means
from app.appraisal import Appraisals
from app.background import Background
from app.brevity import shortened
from app.budget.holding import left_by
from app.budget.queue import ThrottleQueue
from app.budget.sizing import choices
from app.cache.collect import AnswerCollector
from app.cache.exact import ExactCache
from app.cache.flights.flights import Flights, Wanted
from app.cache.flights.leading import Telling
from app.cache.journal import CacheJournal
from app.cascade.run import answered
from app.config.checks import check_routing, warn_of_misfits
from app.config.policy import Policy
from app.cost.price_list import PriceList
from app.domain import (
    Answer,
    CacheHit,
    Chunk,
    GatewayRequest,
    Lane,
    NormalizedPrompt,
    PromptKeys,
    RouteDecision,
)
from app.errors import BudgetRefused
from app.journey import Journey
from app.learn.journal import RouteJournal
from app.learn.shadow import Shadows
from app.ledger.recorder import Recorder
from app.lookups import Lookups
from app.observe.recording import NO_RECORDING, NoRecording
from app.observe.telemetry import Telemetry
from app.observe.trace import RequestTrace
from app.ports import ComplexityRouter, Normalizer, SemanticCache
from app.prompt.keys import KeyMaker
from app.route.sessions import SessionTiers
from app.routing import Routing, earned
from app.spending import Spending, Treasury
from app.tiers.attempts import Attempts
from app.tiers.catalog import TierCatalog
from app.wire import as_asked, finish, replayed, visible


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
    agents: Sessions
    treasury: Treasury
    attempts: Attempts
    telemetry: Telemetry
    recorder: Recorder | NoRecording = NO_RECORDING


class Gateway:
    """Answers requests by one policy at a time; `reconfigure` swaps it between requests, never within one."""

    def __init__(self, stages: Stages, catalog: TierCatalog) -> None:
        self.catalog = catalog
        self.stages = stages
        self.policy = Policy()
        self._prices = PriceList({}, ())  # prices nothing: before `reconfigure` nothing can be spent
        self._background = Background()
        self._lookups = Lookups(stages.keys, stages.exact, stages.normalizer, stages.semantic)
        self.spending = Spending(stages.treasury, lambda: self.policy)
        self._means = Means(
            catalog,
            stages.attempts,
            stages.normalizer,
            self.spending.live,
            ThrottleQueue(),
            lambda error, journey: explained(error, journey, self.policy),
        )
        self.routing = Routing(catalog, stages.router, stages.sessions, stages.treasury.books, self.spending.limits_of)
        self._appraisals = Appraisals(self.routing, stages.normalizer)
        self._hedging = Hedging(self.spending.account)
        self._shadows = Shadows(self._means, self.spending.account, stages.routed)

    def reconfigure(self, policy: Policy) -> None:
        """Take a new policy for the requests that begin after it. Raises `ConfigError`; the old one stays then."""
        prices = PriceList(policy.prices, tiers := self.catalog.specs(self.catalog.names))
        check_routing(policy, self.catalog.names)
        warn_of_misfits(policy, tiers)
        self.policy, self._prices = policy, prices
        self.spending.reconfigure(policy)
        self.stages.recorder.reconfigure(policy.recording)

    def begin(self, request: GatewayRequest) -> Journey:
        """The record of a request, under the policy of its feature."""
        caller = request.caller
        policy, prices = self.policy.for_feature(caller.feature), self._prices.sheet(caller.lane)
        asked = shortened(self.routing.asked(request, policy.routing), policy.output)
        return Journey(asked, policy, prices)

    async def answer(self, journey: Journey) -> AsyncGenerator[list[Chunk], None]:
        """Chunks of a stream, or one whole body. `journey` fills as it goes.

        Nothing is yielded before an attempt has committed: until then every fault is an exception with a status.
        Closing the generator stops the engine and settles what was produced.
        """
        with self.stages.telemetry.request(journey, journey.prices.cost, self.stages.recorder) as trace:
            try:
                async with aclosing(self._answer(journey, trace)) as parts:
                    async for chunks in parts:
                        trace.first_chunk()
                        yield chunks
            except BudgetRefused as refused:
                journey.left = journey.left or left_by(refused.exceeded)
                raise explained(refused, journey, self.policy) from refused
            finally:
                self.stages.journal.note(journey)
                self.stages.routed.note(journey)
                if journey.step:
                    self._background.start(self.stages.agents.ended(journey), "a session's step was not booked")

    async def _answer(self, journey: Journey, trace: RequestTrace) -> AsyncGenerator[list[Chunk], None]:
        self.spending.check(journey)
        self.routing.check(journey)
        keys, text = await self._lookups.keys(journey)
        journey.asked, journey.canonical = text, keys.canonical_key
        await self.stages.agents.begin(journey, keys.canonical_key, self.policy, trace.stage)
        self.spending.check(journey)  # again: only now the sessions above it are known
        if hit := await self._lookups.exact(journey, trace, keys):
            yield await self._replayed(journey, trace, hit)
            return
        look = partial(self._lookups.exact, journey, trace, keys)
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
            self._lookups.normalize(journey, trace, keys, text), self.routing.look(journey)
        )
        journey.terms = await self.routing.terms(journey, prompt.token_estimate, situation)
        hit, decision = await asyncio.gather(
            self._lookups.meaning(journey, trace, prompt),
            self.routing.decide(journey, prompt, journey.terms, trace.stage),
        )
        if hit:
            telling.found(hit)
            yield await self._replayed(journey, trace, hit)
            return
        caching.refuse_if_only_cached(journey)
        journey.decision, journey.decided, journey.input_estimate = decision, decision.tier, prompt.token_estimate
        self._appraisals.consider(journey, prompt)
        try:
            async with aclosing(self._generate(journey, trace, decision, prompt, telling)) as parts:
                async for chunks in parts:
                    yield chunks
        except BudgetRefused as refused:
            if not (hit := await self._lookups.kept_out(journey, trace, prompt, refused)):
                raise
            yield await self._replayed(journey, trace, hit)

    async def _replayed(self, journey: Journey, trace: RequestTrace, hit: CacheHit) -> list[Chunk]:
        """A hit, paid where the policy prices hits."""
        with trace.stage("budget.hit"):
            await self.spending.hit(journey, hit)
        return replayed(journey, hit)

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
        journey.body = collector.body
        try:
            async with aclosing(self._answers(journey, trace, decision, prompt)) as parts:
                async for chunks in parts:
                    collector.feed(chunks)
                    if not journey.stopped:
                        telling.feed(chunks, journey.tier, stream=request.stream)
                    shown, last = visible(chunks, last, stream=request.stream)
                    if shown:
                        yield shown
        finally:
            self._keep_session(journey)
        if not journey.stopped:  # who follows an answer has a budget of its own
            telling.done(journey.cost, self._remember(journey, prompt, collector))
            self._shadows.consider(journey, prompt, collector, trace)
        if end := finish(journey, last):
            yield end

    async def _answers(
        self, journey: Journey, trace: RequestTrace, decision: RouteDecision, prompt: NormalizedPrompt
    ) -> AsyncGenerator[list[Chunk], None]:
        """Stages 3 to 5, for the request's time from now on. The books are closed when it ends."""
        patience = self.stages.attempts.patience(journey.policy.attempts)
        async with self.spending.account(journey) as account:
            hedging = self._hedging if journey.request.caller.lane is Lane.INTERACTIVE else None
            run = Answering(journey, trace, self._means, account, prompt.token_estimate, patience, hedging).run
            async with aclosing(as_asked(journey.request, answered(journey, decision, run))) as parts:
                async for chunks in parts:
                    yield chunks

    def _remember(
        self, journey: Journey, prompt: NormalizedPrompt, collector: AnswerCollector
    ) -> asyncio.Task[None] | None:
        """Keep a complete answer, behind the client's back: the response does not wait for it."""
        request, policy = journey.request, journey.policy.cache
        lesser = journey.lesser or journey.downgrade or (journey.cascade and journey.cascade.unsure)
        if lesser or not (caching.writes(journey) and collector.complete):
            return None
        answer = Answer(collector.body(), journey.usage, journey.tier, journey.cost, request.cache_control.tags)
        store, journey.kept = self.stages.semantic.store(request.caller, prompt, answer, policy), True
        return self._background.start(store, "an answer was not stored")
