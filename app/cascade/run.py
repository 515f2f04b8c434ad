"""`answered`: one answer from the routed tier, or from a better one when the first looks unsure."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

from app.cascade.draft import Draft
from app.config.routing import CascadePolicy
from app.domain import AUTO_MODEL, Chunk, GatewayRequest, Lane, RouteDecision
from app.errors import BackendError, BackendRejected, LeanServeError
from app.journey import CascadeRecord, Journey

logger = logging.getLogger("leanserve.gateway")

Batches = AsyncGenerator[list[Chunk], None]


class Answers(Protocol):
    """One answer, paid: reserved, attempted and settled by itself."""

    def __call__(self, tiers: Sequence[str], draft: Draft | None = None) -> Batches:
        """Batches of chunks from the first of `tiers` that answers; `draft` is told how it is made."""
        ...


def answered(journey: Journey, decision: RouteDecision, answers: Answers) -> Batches:
    """The chunks of one answer. Raises what the first attempts raise; closing it stops the engine.

    Where a first answer is held back, nothing is yielded before it is known which answer is given: see `may_cascade`.
    One that breaks off meanwhile is a fault only where a better tier's cannot be had.
    """
    if may_cascade(journey.request, journey.policy.routing.cascade, decision):
        return _cascaded(journey, decision, answers)
    return answers(decision.tiers)


def may_cascade(request: GatewayRequest, policy: CascadePolicy, decision: RouteDecision) -> bool:
    """Whether a first answer is held back and judged.

    Only where the router chose the tier and a better one is left; not for a person who reads along, unless the policy
    says so.
    """
    reads_along = request.stream and request.caller.lane is Lane.INTERACTIVE and not policy.streams
    return policy.enabled and request.model == AUTO_MODEL and bool(decision.fallbacks) and not reads_along


async def _cascaded(journey: Journey, decision: RouteDecision, answers: Answers) -> Batches:
    draft, journey.held = Draft(journey), True
    fault = await _make(draft, answers(decision.tiers, draft))
    if better := _better(decision, draft):
        journey.cascade = cascade = CascadeRecord(draft.doubt or "", confidence=draft.confidence)
        if draft.doubt:
            async with aclosing(_escalated(journey, cascade, answers(better))) as parts:
                async for chunks in parts:
                    yield chunks
        if cascade.escalated:
            return
    if fault:
        raise fault
    journey.given, journey.held = draft.record, False
    for batch in draft.batches:
        yield batch


async def _make(draft: Draft, run: Batches) -> BackendError | None:
    """The fault that broke off a first answer of which a part came; any other is raised."""
    try:
        async with aclosing(run) as parts:
            async for chunks in parts:
                await draft.take(chunks)
    except BackendError as error:
        if isinstance(error, BackendRejected) or not draft.batches:
            raise
        draft.broke()
        return error
    await draft.judge()
    return None


def _better(decision: RouteDecision, draft: Draft) -> tuple[str, ...]:
    """The tiers above the one that answered, which need not be the first: it may have failed."""
    if draft.record is None:
        return decision.fallbacks
    return decision.tiers[decision.tiers.index(draft.record.tier) + 1 :]


async def _escalated(journey: Journey, cascade: CascadeRecord, run: Batches) -> Batches:
    """The second answer; nothing where it cannot be had. Once a chunk was shown its faults are the request's."""
    try:
        async with aclosing(run) as parts:
            async for chunks in parts:
                cascade.escalated, journey.held = True, False
                yield chunks
    except LeanServeError as error:
        if cascade.escalated:
            raise
        logger.warning("request=%s has no second answer: %s", journey.request.id, error.code)
