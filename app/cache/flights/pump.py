"""Runs the making of an answer in a task of its own, so that who follows it does not wait for the leader's client."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from app.cache.flights.line import Line
from app.domain import Chunk

Batches = AsyncGenerator[list[Chunk], None]


class Pump:
    """Pulls `source` when its reader wants more, as if it were read directly; without waiting while it is followed.

    What the reader has not taken then is bounded by what a flight may hold. `ended` hears how it ended.
    """

    def __init__(self, source: Batches, line: Line, ended: Callable[[BaseException | None], None]) -> None:
        self._source = source
        self._line = line
        self._ready: deque[list[Chunk]] = deque()
        self._news = asyncio.Event()
        self._over = False
        self._error: BaseException | None = None
        self._read = True
        self._task = asyncio.ensure_future(self._run())
        self._task.add_done_callback(lambda _: ended(self._error))

    @property
    def over(self) -> bool:
        """Whether nothing more is made."""
        return self._task.done()

    async def chunks(self) -> Batches:
        """What `source` yields, and raises. Closing it stops nothing: see `stop`."""
        try:
            while True:
                if self._ready:
                    yield self._ready.popleft()
                elif self._over:
                    break
                else:
                    self._line.demand.set()
                    await self._news.wait()
                    self._news.clear()
        finally:
            self._read = False
            self._ready.clear()
        if self._error:
            raise self._error

    async def stop(self) -> None:
        """Close `source`, wherever it is."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def wait(self, timeout_s: float) -> None:
        """Until it is over, or for a while."""
        await asyncio.wait({self._task}, timeout=timeout_s)

    async def _run(self) -> None:
        try:
            async with aclosing(self._source) as source:
                while (batch := await self._next(source)) is not None:
                    if self._read:
                        self._ready.append(batch)
                    self._news.set()
        except (Exception, asyncio.CancelledError) as error:  # some backends raise that of their own
            self._error = error
        finally:
            self._over = True
            self._news.set()

    async def _next(self, source: Batches) -> list[Chunk] | None:
        await self._line.demand.wait()
        if not self._line.followed:
            self._line.demand.clear()
        return await anext(source, None)
