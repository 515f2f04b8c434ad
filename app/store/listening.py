"""How long Redis is listened to.

An event loop that is busy rings late: the reply may lie in the socket, unread. That is our doing, not Redis's, and a
cache must not vanish when it is needed most. Measured: 64 first connections at once keep the loop for 50 ms.
"""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType

LATE_S = 0.002
"""A timer that rings later than this rang on a busy loop; on an idle one it is late by a tenth of it."""
GRACE_S = 0.005
"""What a late timer adds, once: a turn of the loop or two, far below the 20 ms that a miss may be late."""


_ends: ContextVar[float] = ContextVar("ends", default=math.inf)
"""When the waits of the present task are over, in the loop's time."""


@contextmanager
def one_timeout(timeout_s: float) -> Iterator[None]:
    """All waits of the block share `timeout_s`, those of the tasks that it starts too."""
    token = _ends.set(min(_ends.get(), asyncio.get_running_loop().time() + timeout_s))
    try:
        yield
    finally:
        _ends.reset(token)


class ReplyWithin:
    """A block that is listened to for so long; a class, for as a generator it would take twice the time."""

    __slots__ = ("_bell", "_bound", "_due", "_loop", "_timeout_s")

    _bell: asyncio.TimerHandle

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._bound = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._due = max(now, min(now + self._timeout_s, _ends.get()))
        await self._bound.__aenter__()
        self._bell = self._loop.call_at(self._due, self._ring)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._bell.cancel()
        await self._bound.__aexit__(kind, error, at)

    def _ring(self) -> None:
        now = self._loop.time()
        self._bound.reschedule(now + GRACE_S * (now - self._due > LATE_S))


def reply_within(timeout_s: float) -> ReplyWithin:
    """As `asyncio.timeout`, raising TimeoutError, but where the timer itself is late it listens `GRACE_S` longer."""
    return ReplyWithin(timeout_s)
