"""Stages 3 to 5 of a request: hold, attempt, hold more, settle. All answers that are tried share one account."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from app.background import in_time
from app.budget.account import Account
from app.budget.holding import Need
from app.budget.live import Live
from app.budget.queue import ThrottleQueue, only_held
from app.budget.sizing import choices, comes_in_pieces, output_cap
from app.cascade.draft import Draft
from app.config.gateway import TierSpec
from app.domain import (
    AUTO_MODEL,
    LARGE_BODY_BYTES,
    BackendCall,
    BudgetExceeded,
    Chunk,
    LimitAction,
    Refusal,
    Unit,
)
from app.errors import AnswerStopped, LeanServeError, refused
from app.journey import Journey
from app.observe.trace import RequestTrace
from app.ports import Normalizer
from app.prompt.bound import most_input_tokens
from app.prompt.tokens import least_input_tokens
from app.purse import AccountPurse
from app.tiers.attempts import AttemptObserver, Attempts, CallFactory
from app.tiers.catalog import TierCatalog
from app.tiers.patience import Patience
from app.wire import Ending, backend_payload

_READ = frozenset({Unit.INPUT_TOKENS, Unit.TOKENS, Unit.MICRO_USD})
"""What an exact count of the input can make fit."""


@dataclass(frozen=True, slots=True)
class Means:
    """What answering needs of a replica, the same for all of its requests.

    `explained` puts what ended an answer into the words of the policy that did.
    """

    catalog: TierCatalog
    attempts: Attempts
    normalizer: Normalizer
    live: Live
    queue: ThrottleQueue
    explained: Callable[[LeanServeError, Journey], LeanServeError]


@dataclass(frozen=True, slots=True)
class Answering:
    """Gets answers for one request of about `input_tokens`; all of them together have the time of one `patience`."""

    journey: Journey
    trace: RequestTrace
    means: Means
    account: Account
    input_tokens: int
    patience: Patience

    async def run(self, tiers: Sequence[str], draft: Draft | None = None) -> AsyncGenerator[list[Chunk], None]:
        """Batches of chunks from the first of `tiers` that answers, or of cheaper ones where a limit says so.

        Backends stream wherever an answer can be put together from pieces, also for clients that do not: only so can it
        be ended in the middle. Raises as `refused`, `StoreUnavailable`, and what `Attempts.run` does.
        """
        if self.journey.stopped:
            raise self.journey.stopped
        tiers = await self._open(tiers)
        calls, observe = self._watched(self._cap(tiers), draft)
        run = self.means.attempts.run(
            self.journey, calls, observe, tiers=tiers, patience=self.patience, purse=self._purse()
        )
        async with aclosing(self._granted(run)) as parts:
            async for chunks in parts:
                yield chunks

    async def _granted(self, run: AsyncGenerator[list[Chunk], None]) -> AsyncGenerator[list[Chunk], None]:
        """What of `run` was granted, and a clean end where no more is."""
        ending = Ending(self.journey)
        try:
            async with aclosing(run) as parts, self.means.live.watching(self.account, self.patience):
                async for chunks in parts:
                    async for granted in self._passed(chunks):
                        ending.feed(granted)
                        yield granted
                if ending.open:
                    await self.account.broke_off()
        except AnswerStopped as stopped:
            if not ending.begun:
                raise stopped.why from None
            self.journey.stopped = self.means.explained(stopped.why, self.journey)
            yield ending.chunks()

    async def _passed(self, chunks: list[Chunk]) -> AsyncGenerator[list[Chunk], None]:
        """The attempt learns first that it is not the client who left."""
        try:
            async for granted in self.account.passed(chunks):
                yield granted
        except AnswerStopped as stopped:
            self.patience.stop(stopped.why)
            raise

    async def _open(self, tiers: Sequence[str]) -> Sequence[str]:
        """Stage 3: hold what an answer needs to begin, or do what the limit that refuses it says. The tiers to ask."""
        with self.trace.stage("budget.reserve"):
            refusal = await self._hold(tiers)
            if isinstance(refusal, BudgetExceeded) and only_held(refusal):
                refusal = await self._held_back(tiers, refusal)
            if full := _says(refusal, LimitAction.THROTTLE):
                waiting = self.journey.policy.spending.throttle
                refusal = await self.means.queue.wait(waiting, full, lambda: self._hold(tiers))
            if full := _says(refusal, LimitAction.DOWNGRADE):
                tiers, refusal = await self._downgraded(tiers, full)
        self.journey.left = self.account.left
        if refusal:
            raise refused(refusal)
        return tiers

    async def _held_back(self, tiers: Sequence[str], refusal: BudgetExceeded) -> Refusal | None:
        """Wait a moment for what those under way give back."""
        spending = self.journey.policy.spending
        waiting = spending.throttle.model_copy(update={"max_wait_s": spending.wait_for_held_s})
        return await self.means.queue.wait(waiting, refusal, lambda: self._hold(tiers), only_held)

    async def _hold(self, tiers: Sequence[str]) -> Refusal | None:
        """By the most that the input may be, and only where that is refused, and less could fit, by what it is."""
        specs = self.means.catalog.specs(tiers)
        longest = max(spec.context_tokens for spec in specs)
        read = partial(most_input_tokens, self.journey.request.payload, longest)
        large = self.journey.request.body_bytes > LARGE_BODY_BYTES
        most = await asyncio.to_thread(read) if large else read()
        refusal = await self.account.open(self._need(specs, most))
        if not isinstance(refusal, BudgetExceeded) or refusal.limit.unit not in _READ:
            return refusal
        needed = refusal.requested - most + min(least_input_tokens(self.journey.request.payload), most)
        if refusal.limit.unit is not Unit.MICRO_USD and needed > refusal.remaining:
            # Counting a huge prompt is seconds of work. What is told is what it needs at least: that may fit tomorrow.
            return replace(refusal, requested=needed)
        count = self.means.normalizer.count(self.journey.request)
        known = await in_time(self.journey, "normalizer", count) or {}
        exact = max(known.get(spec.name, most) for spec in specs)
        return await self.account.open(self._need(specs, exact)) if exact < most else refusal

    def _need(self, specs: Sequence[TierSpec], input_tokens: int) -> Need:
        """At the price of the dearest tier that may serve it."""
        request, prices = self.journey.request, self.journey.prices
        output = output_cap(request, specs[0], self.input_tokens) * choices(request.payload)
        return Need(
            input_tokens,
            output,
            lambda put_in, put_out: prices.worst_case(specs, put_in, put_out),
            choices(request.payload),
            whole=not comes_in_pieces(request),
        )

    async def _downgraded(self, tiers: Sequence[str], refusal: Refusal) -> tuple[Sequence[str], Refusal | None]:
        """The best of the cheaper tiers that fits.

        Not for who named a model, for a critical step, nor for who has a first answer and waits for a better.
        """
        journey = self.journey
        fixed = journey.request.model != AUTO_MODEL or journey.request.step.kind == "critical"
        if fixed or journey.terms is None or journey.decision is None:
            return tiers, refusal
        if tiers[0] != journey.decision.tier:
            return tiers, refusal
        allowed = [tier.name for tier in journey.terms.tiers]
        for name in reversed(allowed[: allowed.index(tiers[0])] if tiers[0] in allowed else []):
            if await self._hold([name]) is None:
                journey.decision = replace(journey.decision, tier=name, reason="budget: downgraded", fallbacks=())
                journey.lesser = True
                return [name], None
        return tiers, refusal

    def _purse(self) -> AccountPurse:
        return AccountPurse(self.account, self.journey.prices, comes_in_pieces(self.journey.request))

    def _cap(self, tiers: Sequence[str]) -> int:
        """One cap for every attempt, that of the first tier: a fall-back may not spend more than was held."""
        return output_cap(self.journey.request, self.means.catalog.specs(tiers)[0], self.input_tokens)

    def _watched(self, cap: int, draft: Draft | None) -> tuple[CallFactory, AttemptObserver]:
        """How backends are called, and who watches."""
        if draft is None:
            return self._calls(cap), self.trace.attempt
        return draft.asking(self._calls(cap)), draft.watching(self.trace.attempt)

    def _calls(self, cap: int) -> CallFactory:
        request, stream = self.journey.request, comes_in_pieces(self.journey.request)

        def call(spec: TierSpec, backend: str, trace_context: Mapping[str, str]) -> BackendCall:
            model = self.means.catalog.served_model(spec, request.model)
            payload = backend_payload(request, model, cap, stream=stream)
            told = self.input_tokens, self.account.lend(fused=spec.is_fused(backend))
            return BackendCall(request.id, request.operation, payload, trace_context, *told)

        return call


def _says(refusal: Refusal | None, action: LimitAction) -> BudgetExceeded | None:
    return refusal if isinstance(refusal, BudgetExceeded) and refusal.limit.action is action else None
