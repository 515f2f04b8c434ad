"""Stage 3 of a request: hold what an answer needs to begin, or do what the limit that refuses it says."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from app.answering.means import Means
from app.background import in_time
from app.budget.account import Account
from app.budget.holding import Need
from app.budget.queue import Passing, only_held, throttled
from app.budget.sizing import choices, comes_in_pieces, output_cap, prompts
from app.config.gateway import TierSpec
from app.domain import (
    AUTO_MODEL,
    LARGE_BODY_BYTES,
    BudgetExceeded,
    LimitAction,
    Refusal,
    Unit,
)
from app.errors import refused
from app.journey import Journey
from app.observe.trace import RequestTrace
from app.prompt.bound import most_input_tokens
from app.prompt.tokens import least_input_tokens

_READ = frozenset({Unit.INPUT_TOKENS, Unit.TOKENS, Unit.MICRO_USD})
"""What an exact count of the input can make fit."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens the `account` of one request of about `input_tokens` for one answer after another."""

    journey: Journey
    trace: RequestTrace
    means: Means
    account: Account
    input_tokens: int

    async def run(self, tiers: Sequence[str]) -> Sequence[str]:
        """Hold what an answer needs, and say which tiers to ask: a limit may name others. Raises as `Answering.run`."""
        self.trace.planned(tiers[0])
        spending = self.journey.policy.spending
        with self.trace.stage("budget.reserve"):
            refusal = await self.hold(tiers)
            if isinstance(refusal, BudgetExceeded) and only_held(refusal):
                refusal = await self._in_line(tiers, refusal, only_held, spending.wait_for_held_s)
            if full := _says(refusal, LimitAction.THROTTLE):
                refusal = await self._in_line(tiers, full, throttled, spending.throttle.max_wait_s)
            if full := _says(refusal, LimitAction.DOWNGRADE):
                tiers, refusal = await self._downgraded(tiers, full)
        self.journey.left = self.account.left
        if refusal:
            raise refused(refusal)
        return tiers

    async def _in_line(
        self, tiers: Sequence[str], refusal: BudgetExceeded, passing: Passing, longest_s: float
    ) -> Refusal | None:
        """Wait for the window's turn, or for what those under way give back."""
        spending = self.journey.policy.spending
        waiting = spending.throttle.model_copy(update={"max_wait_s": longest_s})
        away_s = spending.wait_for_store_s
        return await self.means.queue.wait(waiting, refusal, lambda: self.hold(tiers), passing, away_s=away_s)

    async def hold(self, tiers: Sequence[str]) -> Refusal | None:
        """Hold by the most that the input may be, and only where that is refused, and less could fit, by what it is."""
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
            prompts(request.payload),
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
            self.trace.planned(name)
            if await self.hold([name]) is None:
                journey.decision = replace(journey.decision, tier=name, reason="budget: downgraded", fallbacks=())
                journey.lesser = True
                return [name], None
        return tiers, refusal


def _says(refusal: Refusal | None, action: LimitAction) -> BudgetExceeded | None:
    return refusal if isinstance(refusal, BudgetExceeded) and refusal.limit.action is action else None
