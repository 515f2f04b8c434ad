"""Micro-batching: what arrives while one batch is computed forms the next one."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

Encode = Callable[[list[str]], list[bytes]]
"""Blocking: texts to vectors, in order."""


class MicroBatcher:
    """Shares one blocking `encode` between concurrent callers, without ever waiting for company.

    An idle batcher starts at once; what arrives meanwhile is encoded next, at most `max_batch` texts a time. `encode`
    runs in `executor`, which should have one thread. A cancelled caller's texts are dropped if they have not started,
    and its batch goes on for the others; an exception of `encode` reaches the callers of that batch and nobody else.
    One event loop uses it.
    """

    def __init__(self, encode: Encode, max_batch: int, executor: ThreadPoolExecutor) -> None:
        self._encode = encode
        self._max_batch = max_batch
        self._executor = executor
        self._waiting: deque[tuple[str, asyncio.Future[bytes]]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def run(self, texts: Sequence[str]) -> list[bytes]:
        """The vectors of `texts`, in order."""
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[bytes]] = [loop.create_future() for _ in texts]
        self._waiting.extend(zip(texts, futures, strict=True))
        if self._waiting and (self._worker is None or self._worker.done()):
            self._worker = loop.create_task(self._drain())
        return await asyncio.gather(*futures)

    async def _drain(self) -> None:
        while batch := self._next_batch():
            await self._encode_batch(batch)

    def _next_batch(self) -> list[tuple[str, "asyncio.Future[bytes]"]]:
        batch: list[tuple[str, asyncio.Future[bytes]]] = []
        while self._waiting and len(batch) < self._max_batch:
            text, future = self._waiting.popleft()
            if not future.done():
                batch.append((text, future))
        return batch

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
