"""Server-sent events, and the one rule of every response here: when the client leaves, the work stops."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import StreamingResponse

from app.domain import Chunk
from app.errors import LeanServeError

T = TypeVar("T")
DONE = b"data: [DONE]\n\n"
UNWATCHED_S = 0.02
_encode = msgspec.json.Encoder().encode


class ClientLeft(Exception):
    """The client closed the connection; there is nobody to answer."""


def events(chunks: list[Chunk]) -> bytes:
    """One `data:` event per chunk."""
    return b"".join(b"data: " + _encode(chunk) + b"\n\n" for chunk in chunks)


async def event_stream(first: list[Chunk], rest: AsyncGenerator[list[Chunk], None]) -> AsyncGenerator[bytes, None]:
    """The events of an answer, `[DONE]` at the end; a fault in the middle becomes an event with OpenAI's error."""
    async with aclosing(rest):
        yield events(first)
        try:
            async for chunks in rest:
                yield events(chunks)
        except LeanServeError as error:
            yield b"data: " + _encode(error.body()) + b"\n\n"
        except Exception:
            yield b"data: " + _encode(LeanServeError().body()) + b"\n\n"
            raise
        else:
            yield DONE


class EventStreamResponse(StreamingResponse):
    """A stream that ends with its client, and closes its generator whatever happens."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None], headers: dict[str, str]) -> None:
        super().__init__(events, headers={**headers, "cache-control": "no-cache"})
        self._events = events

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send until done, or until the client is gone."""
        try:
            await unless_gone(Request(scope, receive), self.stream_response(send))
        except (ClientLeft, OSError):
            return
        finally:
            await self._events.aclose()


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; when the client leaves first, `work` is cancelled and `ClientLeft` raised.

    The request's body must have been read: what `receive` says next is the disconnect. Work that ends within
    `UNWATCHED_S`, as a hit of the cache does, is not watched: the second task would cost a tenth of it.
    """
    tasks: list[asyncio.Future[Any]] = [working := asyncio.ensure_future(work)]
    try:
        await asyncio.wait(tasks, timeout=UNWATCHED_S)
        if not working.done():
            tasks.append(asyncio.ensure_future(_gone(request)))
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientLeft
    finally:
        await _cancelled([task for task in tasks if not task.done()])


async def _cancelled(tasks: list[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.gather(*tasks, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
