"""`Flights.answer`: lead, follow, or go alone."""

import hashlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from uuid import uuid4

from app import caching
from app.background import Background
from app.cache.entries import short_id
from app.cache.flights.board import LEASE_S, Board, Flight
from app.cache.flights.follower import Follower
from app.cache.flights.leading import MAX_BYTES, Leading, Solo, Telling
from app.cache.flights.line import Line
from app.cache.flights.pump import Batches, Pump
from app.cache.flights.watching import Watching
from app.config.policy import CachePolicy
from app.domain import CacheHit, Chunk, PromptKeys
from app.errors import StoreUnavailable
from app.journey import Journey
from app.store.client import Store
from app.wire import replayed

TRIES = 3
"""Flights that a request joins before it goes alone: where each leader fails, nobody waits for all of them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that missed: `look` asks the exact cache again, `make` makes the answer and tells how it goes,
    `stage` times what it is given the name of."""

    journey: Journey
    keys: PromptKeys
    look: Callable[[], Awaitable[CacheHit | None]]
    make: Callable[[Telling], Batches]
    stage: Callable[[str], AbstractContextManager[None]]


class Flights:
    """The flights that this replica has a part in. One for each event loop.

    `lease_s` is how long a dead leader holds its flight; `max_bytes` how long an answer may be, as JSON, to be shared.
    """

    def __init__(self, store: Store, *, lease_s: float = LEASE_S, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._board = Board(store, lease_s)
        self._beat_s = lease_s / 3
        self._replica = f"{os.getpid()}-{uuid4().hex}"  # the process is for who looks into Redis
        self._lines: dict[str, Line] = {}
        self._background = Background()

    @property
    def running(self) -> int:
        """How many flights this replica leads or follows now."""
        return len(self._lines)

    async def answer(self, wanted: Wanted) -> Batches:
        """The answer's chunks, or one whole body. Raises what `wanted.make` raises, and what `Follower` does.

        Closing it stops the work, unless somebody else follows it.
        """
        async with aclosing(self._ways(wanted)) as ways:
            async for way in ways:
                async with aclosing(way) as parts:
                    async for chunks in parts:
                        yield chunks

    async def _ways(self, wanted: Wanted) -> AsyncGenerator[Batches, None]:
        """Ways to the answer, the next one where the one before led to none; the last is to make it alone."""
        follower = Follower(wanted.journey, _entry_id(wanted))
        look = True
        for _ in range(TRIES if caching.shares(wanted.journey) else 0):
            flight = _flight(wanted, self._replica)
            leading = Leading(self._board, flight, self._beat_s, self._max_bytes)
            leader = await self._join(wanted, flight, leading.line, look=look)
            if leader == flight.token:
                yield self._lead(wanted, flight, leading)
                return
            if leader == "":
                look = False
                if hit := await wanted.look():
                    yield _once(replayed(wanted.journey, hit))
                    return
            elif line := self._line(replace(flight, token=leader)) if leader else None:
                yield follower.answer(line)
                if follower.answered:
                    return
            else:
                break
        yield wanted.make(Solo())

    async def _join(self, wanted: Wanted, flight: Flight, line: Line, *, look: bool) -> str | None:
        """See `Board.join`. None where Redis does not answer: that is waited for once a request.

        A line that may become the leader's is known before: who follows it may hear of that first.
        """
        self._lines[flight.token] = line
        leader = None
        try:
            with wanted.stage("cache.join"):
                leader = await self._board.join(flight, self._replica, _entry_id(wanted), look=look)
        except StoreUnavailable:
            caching.record_fault(wanted.journey)
        finally:
            if leader != flight.token:
                line.close()
                del self._lines[flight.token]
            if leader is None:
                self._background.start(self._withdraw(flight), "a flight that nobody leads waits for its lease")
        return leader

    async def _withdraw(self, flight: Flight) -> None:
        """The reply is lost, or its reader left: the flight may be ours all the same."""
        await self._board.land(flight)

    async def _lead(self, wanted: Wanted, flight: Flight, leading: Leading) -> Batches:
        self._keep(flight, leading.line, leading.keep())
        pump = Pump(wanted.make(leading), leading.line, leading.ended)
        try:
            async with aclosing(pump.chunks()) as parts:
                async for chunks in parts:
                    yield chunks
        finally:
            if leading.line.followed and not pump.over:
                self._background.start(self._go_on(pump, leading), "an answer was not finished")
            else:
                await _stop(pump, leading)

    async def _go_on(self, pump: Pump, leading: Leading) -> None:
        """The leader's client left: the answer is finished for those who follow it, as long as any does.

        A stranger's closed window is no fault that they should see. Who asked first pays, as for any answer.
        """
        while leading.line.followed and not pump.over:
            await pump.wait(self._beat_s)
        await _stop(pump, leading)

    def _line(self, flight: Flight) -> Line | None:
        """The records of another's flight. None where its leader was here and is gone."""
        line = self._lines.get(flight.token)
        if line is None and not flight.token.startswith(self._replica):
            watching = Watching(self._board, flight)
            line = watching.line
            self._keep(flight, line, watching.watch())
        return line

    def _keep(self, flight: Flight, line: Line, work: Coroutine[Any, Any, None]) -> None:
        """The line is known here while `work` goes on."""

        def over(_: object) -> None:
            line.close()
            self._lines.pop(flight.token, None)

        self._lines[flight.token] = line
        self._background.start(work, "a flight was lost").add_done_callback(over)


async def _stop(pump: Pump, leading: Leading) -> None:
    """Nobody is shown from now on what will not be made to its end."""
    if not pump.over:
        leading.give_up()
    await pump.stop()


async def _once(chunks: list[Chunk]) -> Batches:
    yield chunks


def _flight(wanted: Wanted, replica: str) -> Flight:
    """A flight that this request may lead.

    Requests share its name when an answer for one is an answer for the other: the same tenant and canonical key, and
    the same cache policy, by which a hit of the semantic cache is found.
    """
    name = f"{wanted.keys.canonical_key}:{_identity(wanted.journey.policy.cache)}"
    return Flight(wanted.journey.request.caller.tenant, name, f"{replica}-{uuid4().hex}")


def _entry_id(wanted: Wanted) -> str:
    return short_id(wanted.keys.canonical_key)


@lru_cache(maxsize=256)
def _identity(policy: CachePolicy) -> str:
    return hashlib.sha256(policy.model_dump_json().encode()).hexdigest()[:16]
