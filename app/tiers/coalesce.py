"""Fewer, larger messages: one hop per token is what a stream costs, so tokens that are ready travel together."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from app.domain import Chunk

INTERVAL_S = 0.02
"""Long enough to halve the hops of a fast stream, short enough that no reader sees it."""


@dataclass(slots=True)
class _Gathered:
    """What has arrived and not been sent; `ready` when there is any, `done` when nothing follows."""

    chunks: list[Chunk] = field(default_factory=list)
    error: Exception | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self) -> list[Chunk]:
        self.ready.clear()
        taken, self.chunks = self.chunks, []
        return taken


async def coalesced(
    source: AsyncGenerator[list[Chunk], None], interval_s: float = INTERVAL_S
) -> AsyncGenerator[list[Chunk], None]:
    """The first batch at once, then what has gathered at most every `interval_s` seconds. Order is kept.

    Closing it closes `source`; a fault of `source` is raised after what came before it was delivered.
    """
    gathered = _Gathered()
    pump = asyncio.ensure_future(_pump(source, gathered))
    try:
        while not (gathered.done.is_set() and not gathered.chunks):
            await gathered.ready.wait()
            if batch := gathered.take():
                yield batch
            await _pause(gathered.done, interval_s)
        if gathered.error:
            raise gathered.error
    finally:
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)


async def _pump(source: AsyncGenerator[list[Chunk], None], gathered: _Gathered) -> None:
    try:
        async for chunks in source:
            gathered.chunks += chunks
            gathered.ready.set()
    except Exception as error:
        gathered.error = error
    finally:
        gathered.done.set()
        gathered.ready.set()
        await source.aclose()


async def _pause(done: asyncio.Event, interval_s: float) -> None:
    """`interval_s`, or less when the source ends: its last chunks should not wait."""
    try:
        async with asyncio.timeout(interval_s):
            await done.wait()
    except TimeoutError:
        pass
