"""Micro-batching: what arrives while one batch is computed forms the next one, what a request waits for first."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

Encode = Callable[[list[str]], list[bytes]]
"""Blocking: texts to vectors, in order."""

BULK_BATCH = 4
"""Texts of bulk in one batch: whoever comes behind it waits for no more. `FastEncoder` computes so many together."""
MOST_PASSED = 4
"""Batches that may go before waiting bulk, one after the other: it is slowed down, never starved."""

Waiting = deque[tuple[str, "asyncio.Future[bytes]"]]


class MicroBatcher:
    """Shares one blocking `encode` between concurrent callers, without ever waiting for company.

    An idle batcher starts at once; what arrives meanwhile is encoded next, at most `max_batch` texts a time; bulk goes
    when nothing else waits, or has been passed `MOST_PASSED` times. `encode` runs in `executor`, which should have one
    thread. A cancelled caller's texts are dropped if they have not started, and its batch goes on for the others; an
    exception of `encode` reaches the callers of that batch and nobody else. One event loop uses it.
    """

    def __init__(self, encode: Encode, max_batch: int, executor: ThreadPoolExecutor) -> None:
        self._encode = encode
        self._max_batch = max_batch
        self._executor = executor
        self._waiting: Waiting = deque()
        self._bulk: Waiting = deque()
        self._passed = 0
        self._worker: asyncio.Task[None] | None = None

    async def run(self, texts: Sequence[str], *, bulk: bool = False) -> list[bytes]:
        """The vectors of `texts`, in order."""
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[bytes]] = [loop.create_future() for _ in texts]
        (self._bulk if bulk else self._waiting).extend(zip(texts, futures, strict=True))
        if futures and (self._worker is None or self._worker.done()):
            self._worker = loop.create_task(self._drain())
        return await asyncio.gather(*futures)

    async def _drain(self) -> None:
        while batch := self._next_batch():
            await self._encode_batch(batch)

    def _next_batch(self) -> list[tuple[str, "asyncio.Future[bytes]"]]:
        """Nothing once nobody waits."""
        turn = self._bulk and self._passed >= MOST_PASSED
        if not turn and (batch := _taken(self._waiting, self._max_batch)):
            self._passed += bool(self._bulk)
            return batch
        self._passed = 0
        return _taken(self._bulk, min(BULK_BATCH, self._max_batch)) or _taken(self._waiting, self._max_batch)

    async def _encode_batch(self, batch: list[tuple[str, "asyncio.Future[bytes]"]]) -> None:
        texts = [text for text, _ in batch]
        loop = asyncio.get_running_loop()
        try:
            vectors = await loop.run_in_executor(self._executor, self._encode, texts)
        except Exception as fault:
            for _, future in batch:
                if not future.done():
                    future.set_exception(fault)
            return
        for (_, future), vector in zip(batch, vectors, strict=True):
            if not future.done():
                future.set_result(vector)


def _taken(waiting: Waiting, most: int) -> list[tuple[str, "asyncio.Future[bytes]"]]:
    """The first of those whose caller is still there."""
    batch: list[tuple[str, asyncio.Future[bytes]]] = []
    while waiting and len(batch) < most:
        text, future = waiting.popleft()
        if not future.done():
            batch.append((text, future))
    return batch
