"""How long Redis is listened to.

An event loop that is busy rings late: the reply may lie in the socket, unread. That is our doing, not Redis's, and a
cache must not vanish when it is needed most. Measured: 64 first connections at once keep the loop for 50 ms.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

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


@asynccontextmanager
async def reply_within(timeout_s: float) -> AsyncGenerator[None]:
    """As `asyncio.timeout`, raising TimeoutError, but where the timer itself is late it listens `GRACE_S` longer."""
    loop = asyncio.get_running_loop()
    now = loop.time()
    due = max(now, min(now + timeout_s, _ends.get()))
    async with asyncio.timeout(None) as bound:

        def ring() -> None:
            late = loop.time() - due > LATE_S
            bound.reschedule(loop.time() + GRACE_S * late)

        bell = loop.call_at(due, ring)
        try:
            yield
        finally:
            bell.cancel()
