"""Shadow calls: a share of what a cheaper tier answered is asked of the best tier too, and the two are compared.

All of it happens behind a complete answer, which it can neither delay nor change. A shadow call is billed to the
request's tenant and feature like any other, reserved before and settled after; what a budget refuses, what a tier has
no room for and what comes while enough others run is left out.
"""

import asyncio
import hashlib
import logging
from contextlib import aclosing
from dataclasses import dataclass, replace

from app.answering.answering import Answering
from app.answering.means import Accounts, Means
from app.background import Background
from app.budget.sizing import choices
from app.cache.collect import AnswerCollector, is_complete
from app.domain import Chunk, NormalizedPrompt, RouteDecision
from app.errors import BackendError, BudgetRefused, SpendingStopped, StoreUnavailable
from app.journey import Journey
from app.learn.agreement import Likened, liken
from app.learn.journal import RouteJournal
from app.learn.records import Compared
from app.observe.attributes import Attributes
from app.observe.trace import RequestTrace
from app.wire import as_asked

logger = logging.getLogger("leanserve.learn")

MOST_AT_ONCE = 4
"""Shadow calls of one replica under way; a further one is left out, not queued: it would come at the worst of times."""
QUIETLY = (BudgetRefused, SpendingStopped, BackendError, StoreUnavailable)
"""What a shadow call may end with unnoticed: its span tells."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that was answered whole: `body` is what its client got."""

    journey: Journey
    prompt: NormalizedPrompt
    body: Chunk


class Shadows:
    """Makes shadow calls for one replica. Use it on one event loop."""

    def __init__(
        self, means: Means, account: Accounts, journal: RouteJournal, *, most_at_once: int = MOST_AT_ONCE
    ) -> None:
        self._means, self._account, self._journal = means, account, journal
        self._most_at_once = most_at_once
        self._running = 0
        self._background = Background()

    def consider(
        self, journey: Journey, prompt: NormalizedPrompt, collector: AnswerCollector, trace: RequestTrace
    ) -> asyncio.Task[None] | None:
        """Begin a shadow call if this request is one of the share, and there is room; else nothing. Never waits."""
        if not is_sampled(journey) or not self._has_room(best_tier(journey)) or not collector.complete:
            return None
        self._running += 1
        self._journal.note(journey)  # now: a client may take its time with the last chunk
        work = self._compare(Answered(journey, prompt, collector.body()), trace)
        task = self._background.start(work, "a shadow call came to nothing")
        task.add_done_callback(self._ended)
        return task

    def _has_room(self, tier: str) -> bool:
        return self._running < self._most_at_once and self._means.attempts.calm(tier)

    def _ended(self, _task: asyncio.Task[None]) -> None:
        self._running -= 1

    async def _compare(self, answered: Answered, trace: RequestTrace) -> None:
        try:
            await self._shadow(answered, trace)
        except QUIETLY as error:
            logger.debug("a shadow call was given up: %s", type(error).__name__)

    async def _shadow(self, answered: Answered, trace: RequestTrace) -> None:
        journey, shadow = answered.journey, shadow_of(answered.journey)
        with trace.shadow(shadow) as beside:
            body = await self._ask(shadow, beside, answered.prompt.token_estimate)
            if found := await self._liken(answered, body):
                beside.tell(likeness_attributes(found))
                caller, better = journey.request.caller, shadow.tier
                told = Compared(journey.tier, better, found.likeness, found.cosine)
                await self._journal.compared(caller.tenant, journey.request.id, told)

    async def _liken(self, answered: Answered, body: Chunk) -> Likened | None:
        if not is_complete(body):
            return None
        async with asyncio.timeout(answered.journey.policy.stage_timeout_s):
            return await liken(answered.body, body, self._means.normalizer.embed)

    async def _ask(self, shadow: Journey, beside: RequestTrace, input_tokens: int) -> Chunk:
        """The best tier's whole answer, reserved and settled under an id of its own."""
        patience = self._means.attempts.patience(shadow.policy.attempts)
        body: Chunk = {}
        async with self._account(shadow, requests=0) as account:
            run = Answering(shadow, beside, self._means, account, input_tokens, patience).run([best_tier(shadow)])
            async with aclosing(as_asked(shadow.request, run)) as parts:
                async for chunks in parts:
                    body = chunks[-1]
        return body


def likeness_attributes(found: Likened) -> Attributes:
    """For the shadow's span."""
    told: Attributes = {"leanserve.shadow.likeness": found.likeness}
    return told if found.cosine is None else told | {"leanserve.shadow.similarity": found.cosine}


def is_sampled(journey: Journey) -> bool:
    """Whether a complete answer of this journey is one of the share: always the same for one request id.

    Only what the router gave to a cheaper tier, and that tier answered with one choice, can be compared; and only what
    the router was sure of, since nothing is learned from the rest.
    """
    decision, share = journey.decision, journey.policy.routing.shadow
    if not share or decision is None or decision.score is None or not decision.fallbacks:
        return False
    if decision.uncertain:
        return False
    answered = journey.tier == decision.tier and not journey.error and choices(journey.request.payload) == 1
    return answered and place(journey.request.id) < share


def place(request_id: str) -> float:
    """Where a request stands in [0, 1): evenly spread, and the same wherever it is asked."""
    digest = hashlib.blake2b(request_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest[:6]) / 2**48


def best_tier(journey: Journey) -> str:
    """The best tier that may serve the request."""
    assert journey.decision is not None
    return journey.decision.tiers[-1]


def shadow_of(journey: Journey) -> Journey:
    """The journey of a shadow call: the same request, not streamed, to the best tier alone."""
    request = journey.request
    payload = {**request.payload, "stream": False}
    asked = replace(request, id=f"{request.id}-shadow", payload=payload, trace_context={})
    decision = RouteDecision(best_tier(journey), None, "shadow")
    return Journey(asked, journey.policy, journey.prices, decision=decision)
