"""Tokens that are ready travel together; nothing is lost, reordered or kept back."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from app.domain import Chunk
from app.errors import BackendBroken
from app.tiers.coalesce import coalesced


class Source:
    """Yields the numbers below `count`, one each `pace_s`; then fails if told so. Knows whether it was closed."""

    def __init__(self, count: int, pace_s: float = 0.0, error: Exception | None = None) -> None:
        self.closed = False
        self._count, self._pace_s, self._error = count, pace_s, error

    async def run(self) -> AsyncGenerator[list[Chunk], None]:
        try:
            for i in range(self._count):
                yield [{"i": i}]
                await asyncio.sleep(self._pace_s)
            if self._error:
                raise self._error
        finally:
            self.closed = True


async def test_the_first_batch_comes_at_once_and_the_rest_together() -> None:
    """Twenty quick chunks are one and then few; their order is kept."""
    batches = [batch async for batch in coalesced(Source(20).run(), interval_s=0.05)]
    assert batches[0] == [{"i": 0}]
    assert [chunk["i"] for batch in batches for chunk in batch] == list(range(20))
    assert len(batches) <= 3


async def test_the_end_is_not_waited_for() -> None:
    """A short answer does not pay an interval at its end."""
    async with asyncio.timeout(1):
        assert [batch async for batch in coalesced(Source(2).run(), interval_s=30)]


async def test_a_fault_comes_after_what_was_before_it() -> None:
    """Chunks that arrived are delivered, then the error is raised."""
    seen: list[Chunk] = []

    async def read() -> None:
        async for batch in coalesced(Source(3, error=BackendBroken("x")).run(), interval_s=0.01):
            seen.extend(batch)

    with pytest.raises(BackendBroken):
        await read()
    assert len(seen) == 3


async def test_closing_closes_the_source() -> None:
    """A reader who leaves stops the engine."""
    source = Source(1000, pace_s=0.01)
    stream = coalesced(source.run())
    await anext(stream)
    await stream.aclose()
    assert source.closed


async def test_an_empty_source_is_an_empty_stream() -> None:
    """Nothing in, nothing out."""
    assert [batch async for batch in coalesced(Source(0).run())] == []
