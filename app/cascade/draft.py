"""A first answer, held back until it is known whether it looks sure."""

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial

from app.background import in_time
from app.budget.sizing import choices
from app.cache.collect import AnswerCollector
from app.cascade.confidence import Confidence, asked, has_asked, hidden, tells
from app.cascade.unsure import doubt
from app.config.gateway import TierSpec
from app.domain import BackendCall, Chunk
from app.journey import AttemptOutcome, AttemptRecord, Journey
from app.tiers.attempts import AttemptObserver, CallFactory

JUDGES = 2
"""Threads that judge: schemas that are slow by intent keep each other waiting, and nothing else of the process."""


@cache
def _judges() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(JUDGES, thread_name_prefix="judge")


class Draft:
    """The batches of a first answer and what is thought of it.

    `record` is the attempt that gives it, `doubt` why it looks unsure: None before it was judged, empty where it looks
    sure. What a client did not ask for is taken out of `batches`.
    """

    def __init__(self, journey: Journey) -> None:
        self.batches: list[list[Chunk]] = []
        self.record: AttemptRecord | None = None
        self.doubt: str | None = None
        self._journey = journey
        self._wanted = choices(journey.request.payload)
        self._collector = AnswerCollector(journey.request.operation, self._wanted)
        self._confidence = Confidence()
        self._ended: set[int] = set()

    @property
    def confidence(self) -> float | None:
        """See `app.cascade.confidence`; None where the backend told nothing."""
        return None if self._journey.request.payload.get("echo") else self._confidence.least

    def asking(self, calls: CallFactory) -> CallFactory:
        """`calls`, with a wish for log-probabilities where the policy needs them and the backend has them."""
        if not self._journey.policy.routing.cascade.min_confidence:
            return calls

        def call(spec: TierSpec, backend: str, trace_context: Mapping[str, str]) -> BackendCall:
            made = calls(spec, backend, trace_context)
            return asked(made) if tells(spec, backend) else made

        return call

    def watching(self, observe: AttemptObserver) -> AttemptObserver:
        """`observe`, whose record says at the end why the answer looks unsure."""

        @contextmanager
        def watched(tier: str, backend: str, model: str) -> Iterator[AttemptRecord]:
            with observe(tier, backend, model) as record:
                self.record = record
                yield record
                if self.doubt and record.outcome is AttemptOutcome.SUCCESS:
                    record.cause = f"unsure_{self.doubt}"

        def watch(tier: str, backend: str, model: str) -> AbstractContextManager[AttemptRecord]:
            return watched(tier, backend, model)

        return watch

    async def take(self, chunks: list[Chunk]) -> None:
        """The next chunks; once every choice has ended the whole is judged, while its attempt is still observed."""
        self._confidence.feed(chunks)
        shown = chunks if has_asked(self._journey.request.payload) else hidden(chunks)
        self._collector.feed(shown)
        self.batches.append(shown)
        found = (choice for chunk in chunks for choice in chunk.get("choices") or ())
        self._ended |= {choice.get("index", 0) for choice in found if choice.get("finish_reason")}
        if len(self._ended) >= self._wanted:
            await self.judge()

    async def judge(self) -> None:
        """Set `doubt`, once. Beside the event loop: a schema may be work. What cannot be judged in time looks sure."""
        if self.doubt is None:
            journey, body = self._journey, self._collector.body()
            policy = journey.policy.routing.cascade
            work = partial(doubt, journey.request, policy, body, self.confidence)
            call = asyncio.get_running_loop().run_in_executor(_judges(), work)
            self.doubt = await in_time(journey, "cascade", call) or ""

    def broke(self) -> None:
        """What came is not the whole: the answer looks unsure, whatever was thought of it."""
        self.doubt = "failed"
