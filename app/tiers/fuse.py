"""The fuse of one stream, in the replica of its engine: it ends the stream where nobody granted more.

Who asked for the answer extends its reservation ahead of need and ends the answer when that is refused. But it may die,
and between its last word and the engine lies a hop: the fuse counts beside the engine and reads in the books how far it
may go. An engine that can be held makes not one token more, waits at its limit, and goes on when more is granted.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol

from app.cost.usage import Tally
from app.domain import Amounts, BackendCall, Chunk, Grant
from app.errors import StoreUnavailable

Batches = AsyncGenerator[list[Chunk], None]
Sleep = Callable[[float], Awaitable[None]]

NEAR = 16
"""So many tokens before the limit, or a quarter of the last stretch, the books are read: more was due at half of it."""
LOOK_AGAIN_S = 0.02
"""Between looks of a stream that goes on."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.01, 0.2
"""Between looks of one that is held: each twice the last."""
TELL_AGAIN_S = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 0.0)
"""Between tries to say what was made."""
LATER_S = 0.3
"""Who read an answer to its end has closed its books by then."""


class Grants(Protocol):
    """The books, read only."""

    async def granted(self, tenant: str, reservation_id: str) -> Amounts | None:
        """What the reservation holds now, None where it is closed. Raises StoreUnavailable."""
        ...

    async def made(self, tenant: str, reservation_id: str, attempt: int, output_tokens: int) -> None:
        """Say what the engine made of an attempt that was cut off. Raises StoreUnavailable."""
        ...


class Fuse:
    """One stream's. An engine that cannot be `held` waits for nothing: it would go on meanwhile. Use it on one loop."""

    def __init__(self, grant: Grant, books: Grants, *, held: bool = True, sleep: Sleep = asyncio.sleep) -> None:
        self._grant, self._books = grant, books
        self._grace_s, self._sleep = grant.patience_s if held else 0.0, sleep
        self._known = self._stretch = grant.output_tokens
        self._closed = False
        self._tally = Tally()
        self._ended: set[int] = set()
        self._tell: Callable[[int], None] = lambda _: None
        self._looking: asyncio.Task[None] | None = None
        self._again_at = 0.0

    @property
    def is_cut(self) -> bool:
        """Whether a choice has not ended."""
        return len(self._ended) < self._grant.choices

    async def tell(self) -> None:
        """Say what the engine made, with some patience: who asked for it is gone and cannot count.

        Of an answer that came to its end only where its books stay open: who left before had not read it all.
        """
        if not self.is_cut:
            await self._sleep(LATER_S)
            await self._look()
            if self._closed:
                return
        grant, made = self._grant, sum(self._tally.outputs.values())
        for pause in TELL_AGAIN_S:
            try:
                await self._books.made(grant.tenant, grant.reservation_id, grant.attempt, made)
            except StoreUnavailable:
                await self._sleep(pause)
            else:
                return

    @property
    def each(self) -> int:
        """How many tokens each choice that has not ended may have made."""
        return self._tally.each(self._known, self._grant.choices)

    def watch(self, tell: Callable[[int], None]) -> None:
        """`tell` is called with `each`, now and whenever that may have changed."""
        self._tell = tell
        tell(self.each)

    async def run(self, batches: Batches) -> Batches:
        """What of `batches` was granted. Ends, and closes them, where no more is: the answer has no end then."""
        try:
            async with aclosing(batches) as parts:
                async for chunks in parts:
                    async for granted in self._passed(chunks):
                        yield granted
                    if self._closed or (self._is_used_up() and not await self._more(self._is_used_up)):
                        return
        finally:
            if self._looking:
                self._looking.cancel()

    async def _passed(self, chunks: list[Chunk]) -> Batches:
        """Whole chunks, as far as they are granted. An engine that goes on by itself may be beyond them."""
        passed = 0
        for at, chunk in enumerate(chunks):
            self._note(chunk)
            if self._is_overdrawn():
                if passed < at:
                    yield chunks[passed:at]
                passed = at
                if not await self._more(self._is_overdrawn):
                    self._closed = True
                    return
        self._look_ahead()
        if chunks[passed:]:
            yield chunks[passed:]

    def _note(self, chunk: Chunk) -> None:
        self._tally.note(chunk)
        ended = {choice.get("index", 0) for choice in chunk.get("choices") or () if choice.get("finish_reason")}
        if ended - self._ended:
            self._ended |= ended
            self._tell(self.each)

    def _is_overdrawn(self) -> bool:
        return sum(self._tally.outputs.values()) > self._known

    def _is_used_up(self) -> bool:
        """Whether every choice that goes on has made all that it may."""
        going_on = set(range(self._grant.choices)) - self._ended
        least = min((self._tally.outputs.get(index, 0) for index in going_on), default=-1)
        return self._known < self._grant.most and least >= self.each

    def _look_ahead(self) -> None:
        left = self._known - sum(self._tally.outputs.values())
        now = asyncio.get_running_loop().time()
        due = self._known < self._grant.most and left <= max(NEAR, self._stretch // 4) and now >= self._again_at
        if due and (self._looking is None or self._looking.done()):
            self._again_at = now + LOOK_AGAIN_S
            self._looking = asyncio.ensure_future(self._look())

    async def _more(self, is_short: Callable[[], bool]) -> bool:
        """Whether more is granted before the grace is over and the reservation is closed."""
        now, waited, pause = asyncio.get_running_loop().time, 0.0, FIRST_PAUSE_S
        while True:
            asked = now()
            await self._look()
            if not is_short():
                return True
            waited += now() - asked
            if self._closed or waited >= self._grace_s:
                return False
            await self._sleep(pause)
            waited, pause = waited + pause, min(2 * pause, LONGEST_PAUSE_S)

    async def _look(self) -> None:
        """Read the books. While they are away, what is known to be granted is all there is."""
        try:
            held = await self._books.granted(self._grant.tenant, self._grant.reservation_id)
        except StoreUnavailable:
            return
        if held is None:
            self._closed = True
            return
        known = min(held.output_tokens - self._grant.before, self._grant.most)
        if known > self._known:
            self._stretch, self._known = known - self._known, known
            self._tell(self.each)


class Fuses:
    """Those of one replica. `open_books` is called with the first grant: whom no limit binds needs no Redis."""

    def __init__(self, open_books: Callable[[], Grants]) -> None:
        self._open_books = open_books
        self._books: Grants | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def guarded(self, call: BackendCall, send: Callable[[Fuse | None], Batches], *, held: bool = True) -> Batches:
        """The stream that `send` makes of the call, behind a fuse where that has a grant.

        `held` says that the engine obeys what the fuse, which `send` gets, tells it.
        """
        if call.grant is None or not call.stream:
            return send(None)
        self._books = self._books or self._open_books()
        fuse = Fuse(call.grant, self._books, held=held)
        return self._told(fuse, fuse.run(send(fuse)))

    async def _told(self, fuse: Fuse, batches: Batches) -> Batches:
        try:
            async with aclosing(batches) as parts:
                async for chunks in parts:
                    yield chunks
        finally:
            task = asyncio.ensure_future(fuse.tell())
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
