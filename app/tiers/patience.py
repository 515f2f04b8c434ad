"""How long one request waits: for a first chunk, for each next one, and in all."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

from app.breaker import Clock
from app.config.policy import AttemptPolicy
from app.domain import BackendCall, Chunk
from app.errors import AnswerStopped, BackendCrashed, BackendError, BackendTimeout, LeanServeError
from app.journey import Journey
from app.ports import Backend

_log = logging.getLogger(__name__)

Batches = AsyncGenerator[list[Chunk], None]

Awaited = Literal["first", "next", "whole"]
"""What is waited for: a stream's first chunk, its next one, or the whole body of an answer that is not streamed."""

LOOK_AGAIN_S = 0.02
"""While an attempt that failed waits for what becomes of its hedge."""
CLOSE_TIMEOUT_S = 2.0
"""Closing only cancels; a backend that cannot even do that in this time is left behind, so that fail-over goes on."""


class Patience:
    """The time-outs of `policy`, the total counted from now by `clock` over all attempts of a request."""

    def __init__(self, policy: AttemptPolicy, clock: Clock) -> None:
        self.stopped: LeanServeError | None = None
        self._policy = policy
        self._clock = clock
        self._waits: set[asyncio.Timeout] = set()
        self._ends = clock() + policy.total_timeout_s

    def beside(self) -> "Patience":
        """The same time for an attempt beside another: each can be stopped alone."""
        other = Patience(self._policy, self._clock)
        other.stopped, other._ends = self.stopped, self._ends
        return other

    @property
    def over(self) -> bool:
        """Whether the request has used up all its time."""
        return self._clock() >= self._ends

    def seconds(self, awaited: Awaited) -> float:
        """How long to wait. A whole body shows no token before its last, so only the total bounds it."""
        left = max(0.0, self._ends - self._clock())
        if awaited == "whole":
            return left
        limit = self._policy.first_token_timeout_s if awaited == "first" else self._policy.next_token_timeout_s
        return min(limit, left)

    def stop(self, why: LeanServeError) -> None:
        """Nothing is waited for any more: who waits, and who would, gets `AnswerStopped`."""
        self.stopped = self.stopped or why
        for waiting in self._waits:
            waiting.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def waiting(self, awaited: Awaited) -> AsyncGenerator[None, None]:
        """Bound one wait. Raises `BackendTimeout` when it was in vain, `AnswerStopped` when it was stopped."""
        if self.stopped:
            raise AnswerStopped(self.stopped)
        try:
            async with asyncio.timeout(self.seconds(awaited)) as bound:
                self._waits.add(bound)
                try:
                    yield
                finally:
                    self._waits.discard(bound)
        except TimeoutError as error:
            if self.stopped:
                raise AnswerStopped(self.stopped) from error
            raise self.timeout(awaited) from error

    def timeout(self, awaited: Awaited) -> BackendTimeout:
        """The error for having waited in vain."""
        if self.over or awaited == "whole":
            return BackendTimeout("the answer took longer than a request may last")
        return BackendTimeout("no first token in time" if awaited == "first" else "the answer stopped coming")


async def hedge_ended(journey: Journey, patience: Patience) -> None:
    """A hedge under way is the fail-over of the attempt that it is made beside: nobody else is asked meanwhile.

    Raises `AnswerStopped` where it begins, `BackendTimeout` where the request's time is over.
    """
    async with patience.waiting("whole"):
        while any(each.hedge and each.outcome is None for each in journey.attempts):  # noqa: ASYNC110 - few wait so
            await asyncio.sleep(LOOK_AGAIN_S)


def sent(backend: Backend, call: BackendCall) -> Batches:
    """The backend's batches, none awaited yet; a fault before the first is a `BackendError` too."""
    try:
        return backend.send(call)
    except BackendError:
        raise
    except Exception as error:
        raise BackendCrashed("the backend failed unexpectedly") from error


async def in_time(batches: Batches, patience: Patience, awaited: Awaited) -> AsyncGenerator[list[Chunk], None]:
    """The non-empty batches, each in time, every fault as a `BackendError`; closes `batches` however it ends."""
    try:
        while (batch := await _next(batches, patience, awaited)) is not None:
            if batch:
                awaited = "next"
                yield batch
    finally:
        await _close(batches)


async def _next(batches: Batches, patience: Patience, awaited: Awaited) -> list[Chunk] | None:
    try:
        async with patience.waiting(awaited):
            return await anext(batches)
    except StopAsyncIteration:
        return None
    except (BackendError, AnswerStopped):
        raise
    except Exception as error:
        raise BackendCrashed("the backend failed unexpectedly") from error


async def _close(batches: Batches) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await batches.aclose()
    except Exception:
        # The answer, or the error that is on its way, matters more than how the leftovers went.
        _log.warning("closing a backend's answer failed", exc_info=True)
