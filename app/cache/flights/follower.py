"""A follower: shows its client, in the form that the client asked for, the answer that another makes."""

import asyncio
import time
from collections.abc import Iterator

from app import caching
from app.budget.sizing import choices
from app.cache.collect import AnswerCollector
from app.cache.flights.line import Line
from app.cache.flights.pump import Batches
from app.cache.flights.record import Record, decode_record
from app.cost.usage import read_usage
from app.domain import CacheHit, Chunk, MicroUsd, Usage
from app.errors import BackendRejected, BackendTimeout, BackendUnavailable
from app.journey import Journey
from app.wire import finish, replayed, visible

UNKNOWN = MicroUsd(0)
"""What an answer costs while it is being made."""


class Follower:
    """One request that follows. `answered` once its client has all; before anything was shown it may follow again.

    A request waits for others no longer than one may take by its policy.
    """

    def __init__(self, journey: Journey, entry_id: str) -> None:
        self.answered = False
        self._journey = journey
        self._entry_id = entry_id
        self._shown = False
        self._until = asyncio.get_running_loop().time() + journey.policy.attempts.total_timeout_s
        self._begin()

    def _begin(self) -> None:
        request = self._journey.request
        self._collector = AnswerCollector(request.operation, choices(request.payload))
        self._whole: Chunk | None = None
        self._first: Chunk = {}
        self._last: Chunk | None = None
        self._tier = ""
        self._live = False

    async def answer(self, line: Line) -> Batches:
        """The answer of `line`; it ends unanswered where the leader failed before anything was shown.

        Raises `BackendRejected` where every same request would be, `BackendTimeout` after the longest that a request
        may take, and `BackendUnavailable` where an answer broke off that was shown in part: a second one may be other
        words, and two are never mixed.
        """
        self._begin()
        position = 0
        with line.reading():
            while not self.answered and (record := await self._record(line, position)):
                position += 1
                for chunks in self._take(record):
                    self._shown = True
                    yield chunks
        if self._shown and not self.answered:
            raise BackendUnavailable("the answer that was shared broke off")

    async def _record(self, line: Line, position: int) -> Record | None:
        try:
            async with asyncio.timeout_at(self._until):
                told = await line.at(position, patient=self._shown)
        except TimeoutError:
            raise BackendTimeout("the answer took longer than a request may last") from None
        return decode_record(told) if told is not None else None

    def _take(self, record: Record) -> Iterator[list[Chunk]]:
        """What the record lets the client see."""
        if record.rejected:
            raise BackendRejected(*record.rejected)
        if record.hit:
            yield from self._replay(record.hit)
        elif record.done:
            yield from self._finish(record.cost)
        elif record.chunks and record.stream:
            yield from self._stream(record)
        elif record.chunks:
            self._whole, self._tier = record.chunks[-1], record.tier

    def _stream(self, record: Record) -> Iterator[list[Chunk]]:
        """Chunks with an identity of their own; a client that wants the whole body waits for it."""
        request, self._tier = self._journey.request, record.tier
        if not request.stream:
            self._collector.feed(record.chunks)
            return
        self._live = True
        own = {"id": request.id, "created": int(time.time())}
        shown, self._last = visible([{**chunk, **own} for chunk in record.chunks], self._last, stream=True)
        if shown and not self._shown:
            self._first = shown[0]
            caching.record(self._journey, self._hit(self._first))
        if shown:
            yield shown

    def _finish(self, cost: MicroUsd) -> Iterator[list[Chunk]]:
        if not self._live:
            yield from self._replay(self._hit(self._whole or self._collector.body(), cost))
            return
        self.answered = True
        caching.record(self._journey, self._hit(self._last or self._first, cost))
        if end := finish(self._journey, self._last):
            yield end

    def _replay(self, hit: CacheHit) -> Iterator[list[Chunk]]:
        """The whole at once, unless it is older than this client will have it."""
        if caching.record(self._journey, hit):
            self.answered = True
            yield replayed(self._journey, hit)

    def _hit(self, answer: Chunk, cost: MicroUsd = UNKNOWN) -> CacheHit:
        """What the journey is told: what is known of the answer so far, and what it cost its leader."""
        usage = read_usage(answer) or Usage()
        return CacheHit("coalesced", self._entry_id, 1.0, 0.0, answer, usage, self._tier, cost=cost)
