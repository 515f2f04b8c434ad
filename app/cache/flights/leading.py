"""The leader's end of a flight: it keeps the lease and the records, and tells other replicas what they ask for.

An answer that nobody else wants costs Redis a beat now and then: records travel only once a follower in another replica
gave a sign. The first beats come quickly, since a stampede comes at once.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Protocol

from app.cache.flights.board import Board, Flight, Told
from app.cache.flights.line import Line
from app.cache.flights.record import Record, encode_record
from app.domain import CacheHit, Chunk, MicroUsd
from app.errors import BackendRejected, StoreUnavailable

logger = logging.getLogger("leanserve.cache")

FIRST_BEAT_S = 0.05
"""After it a leader knows of those who came with it. Each beat doubles the wait, up to the lease's third."""
TELL_S = 0.02
"""Between two messages to other replicas: what no reader sees (as `app.tiers.coalesce`)."""
SLICE = 64
"""Records of one message: answers come in small commands, none of which keeps Redis from others."""
LAST_TRIES = 3
MAX_BYTES = 4_194_304
"""Of the records of one flight, some 20,000 tokens. A longer answer is its leader's alone."""


class Telling(Protocol):
    """What the making of an answer tells while it goes on."""

    def feed(self, chunks: list[Chunk], tier: str, *, stream: bool) -> None:
        """The next chunks as they came from the backend; they are read, never kept."""
        ...

    def found(self, hit: CacheHit) -> None:
        """There is an answer in the cache."""
        ...

    def done(self, cost: MicroUsd, stored: asyncio.Task[None] | None) -> None:
        """The answer is complete; `stored` ends when it is in the cache, None where it will not be."""
        ...


class Solo:
    """A `Telling` for an answer that is nobody else's."""

    def feed(self, chunks: list[Chunk], tier: str, *, stream: bool) -> None:
        """Nobody listens."""

    def found(self, hit: CacheHit) -> None:
        """Nobody listens."""

    def done(self, cost: MicroUsd, stored: asyncio.Task[None] | None) -> None:
        """Nobody listens."""


class Leading:
    """A `Telling` with listeners; `keep` must run from the beginning until it returns."""

    def __init__(self, board: Board, flight: Flight, beat_s: float, max_bytes: int) -> None:
        self.line = Line()
        self._board = board
        self._flight = flight
        self._beat_s = beat_s
        self._max_bytes = max_bytes
        self._told = 0
        self._bytes = 0
        self._ending = False
        self._stored: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def feed(self, chunks: list[Chunk], tier: str, *, stream: bool) -> None:
        """See `Telling`."""
        if chunks:  # a record without any would be an end
            self._add(Record([_lean(chunk) for chunk in chunks] if stream else chunks, stream, tier))

    def found(self, hit: CacheHit) -> None:
        """See `Telling`."""
        self._add(Record(hit=hit))

    def done(self, cost: MicroUsd, stored: asyncio.Task[None] | None) -> None:
        """See `Telling`."""
        self._stored = stored
        self._add(Record(done=True, cost=cost))

    def ended(self, error: BaseException | None) -> None:
        """The work is over. Without an end told before, it failed: for everybody only where the request is wrong."""
        if self._ending:
            return
        if isinstance(error, BackendRejected):
            self._add(Record(rejected=error.args))
        else:
            self._end()

    def give_up(self) -> None:
        """Nobody wants the answer any more: free the flight at once, however long its making takes to stop."""
        self.line.give_up()
        self._end()

    async def keep(self) -> None:
        """Beat until the answer has ended, then free the flight. Faults of Redis end nothing here."""
        pause = min(FIRST_BEAT_S, self._beat_s)
        while not await self._ended_in(pause):
            pause = min(2 * pause, self._beat_s)
            if await self._beat():
                await asyncio.sleep(TELL_S)
        try:
            await self._land()
        except StoreUnavailable:
            logger.warning("a flight was not landed: its lease will run out")
        finally:
            self.line.close()

    def _add(self, record: Record) -> None:
        """Add one record; what cannot be told ends the telling, not the answer."""
        told = None if self._ending else _told(record)
        self._bytes += len(told or b"")
        if told and self._bytes <= self._max_bytes:
            self.line.add(told)
        if not told or self._bytes > self._max_bytes or self.line.over:
            self._end()
        elif self.line.elsewhere:
            self._wake.set()

    def _end(self) -> None:
        self._ending = True
        self._wake.set()

    async def _ended_in(self, pause: float) -> bool:
        """Whether the answer has ended by the next beat, which comes early when there is something to tell."""
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wake.wait()
        self._wake.clear()
        return self._ending

    async def _beat(self) -> bool:
        try:
            return await self._tell()
        except StoreUnavailable:
            return False

    async def _tell(self) -> bool:
        """Renew the lease, and tell what those who follow elsewhere have not had; whether anything was told."""
        before = self._told
        while True:
            news = self.line.records[self._told : self._told + SLICE] if self.line.elsewhere else []
            answer = await self._board.tell(self._flight, self._told, news)
            self.line.elsewhere = answer is Told.FOLLOWED
            if answer is Told.LOST:
                return False
            self._told += len(news)
            if not self.line.elsewhere or self._told == len(self.line.records):
                return self._told > before

    async def _land(self) -> None:
        """Free the flight's name, not before the answer is in the cache: who asks then finds the one or the other."""
        if not self.line.over:
            await self._board.land(self._flight, encode_record(Record()))
            return
        if self.line.elsewhere:
            await self._tell_the_rest()
        if self._stored:
            await asyncio.wait({self._stored}, timeout=self._beat_s)
        if not await self._board.land(self._flight, unless_followed=not self._told_all):
            self.line.elsewhere = True
            await self._tell_the_rest()
            await self._board.land(self._flight)

    @property
    def _told_all(self) -> bool:
        return self._told == len(self.line.records)

    async def _tell_the_rest(self) -> None:
        for _ in range(LAST_TRIES):
            await self._beat()
            if self._told_all:
                return
            await asyncio.sleep(TELL_S)


def _told(record: Record) -> bytes | None:
    try:
        return encode_record(record)
    except (ValueError, TypeError, RecursionError) as error:
        logger.warning("an answer cannot be shared: %s", type(error).__name__)
        return None


def _lean(chunk: Chunk) -> Chunk:
    """Without the running usage that only the leader's books need."""
    return {name: value for name, value in chunk.items() if name != "usage"} if chunk.get("choices") else chunk
