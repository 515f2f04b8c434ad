"""Stages 3 to 5 of a request: reserve, attempt, settle. Each answer that is tried has a grant of its own."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from app.budget.admit import admit
from app.budget.hold import hold
from app.budget.limits import limits_for
from app.budget.sizing import choices, output_cap
from app.cascade.draft import Draft
from app.config.gateway import TierSpec
from app.domain import BackendCall, Chunk, Reservation
from app.journey import Journey
from app.observe.trace import RequestTrace
from app.ports import BudgetLedger
from app.tiers.attempts import AttemptObserver, Attempts, CallFactory
from app.tiers.catalog import TierCatalog
from app.tiers.patience import Patience
from app.wire import backend_payload


@dataclass(frozen=True, slots=True)
class Answering:
    """Gets answers for one request of about `input_tokens`; all of them together have the time of one `patience`."""

    journey: Journey
    trace: RequestTrace
    catalog: TierCatalog
    ledger: BudgetLedger
    attempts: Attempts
    input_tokens: int
    patience: Patience

    async def run(self, tiers: Sequence[str], draft: Draft | None = None) -> AsyncGenerator[list[Chunk], None]:
        """Batches of chunks from the first of `tiers` that answers; the books are closed when it ends.

        What this answer cost is settled before another may be reserved, so that no limit has to hold both. Raises
        `BudgetRefused`, and what `Attempts.run` does.
        """
        specs, before = self.catalog.specs(tiers), len(self.journey.attempts)
        cap = output_cap(self.journey.request, specs[0], self.input_tokens)
        reservation = await self._reserve(specs, cap, before)
        calls, observe = self._watched(cap, draft)
        async with hold(self.ledger, reservation, lambda: self.journey.spent_since(before)):
            run = self.attempts.run(self.journey, calls, observe, tiers=tiers, patience=self.patience)
            async with aclosing(run) as parts:
                async for chunks in parts:
                    yield chunks

    async def _reserve(self, specs: Sequence[TierSpec], cap: int, before: int) -> Reservation:
        """Stage 3: the worst case, at the price of the dearest tier that may serve it, in all limits or in none."""
        journey, request = self.journey, self.journey.request
        output = cap * choices(request.payload)
        cost = journey.prices.worst_case(specs, self.input_tokens, output)
        limits = limits_for(request.caller, journey.policy.budgets)
        name = f"{request.id}-{before}" if before else request.id
        with self.trace.stage("budget.reserve"):
            return await admit(self.ledger, name, request.caller, limits, self.input_tokens + output, cost)

    def _watched(self, cap: int, draft: Draft | None) -> tuple[CallFactory, AttemptObserver]:
        """How backends are called, and who watches."""
        if draft is None:
            return self._calls(cap), self.trace.attempt
        return draft.asking(self._calls(cap)), draft.watching(self.trace.attempt)

    def _calls(self, cap: int) -> CallFactory:
        """One cap for every attempt, that of the first tier: a fall-back may not spend more than was reserved."""
        request = self.journey.request

        def call(spec: TierSpec, _backend: str, trace_context: Mapping[str, str]) -> BackendCall:
            model = self.catalog.served_model(spec, request.model)
            payload = backend_payload(request, model, cap)
            return BackendCall(request.id, request.operation, payload, trace_context, self.input_tokens)

        return call
