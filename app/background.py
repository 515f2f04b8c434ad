"""Work that a request does not die of: light stages that may be late, and what is done behind its back."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from app.journey import Journey

logger = logging.getLogger("leanserve.gateway")
T = TypeVar("T")


async def in_time(journey: Journey, stage: str, call: Awaitable[T]) -> T | None:
    """The result of a light stage, or None where it fails or is late (`stage_timeout_s` of the policy)."""
    try:
        async with asyncio.timeout(journey.policy.stage_timeout_s):
            return await call
    except Exception as error:
        logger.warning("request=%s goes on without the %s: %s", journey.request.id, stage, type(error).__name__)
        return None


async def insisted(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which ends though its caller is cancelled meanwhile: that is raised then."""
    task, cancelled = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled
    return task.result()


class Background:
    """Keeps tasks alive until they end: an event loop alone holds them by weak references.

    No response waits for them, and their faults are told to the log only.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> int:
        """Tasks under way."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None], otherwise: str) -> asyncio.Task[None]:
        """Begin `work`; `otherwise` is the consequence that the log names where it fails."""
        task = asyncio.ensure_future(_quietly(work, otherwise))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def ended(self, timeout_s: float) -> None:
        """Let what is under way end, for at most so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)


async def _quietly(work: Coroutine[Any, Any, None], otherwise: str) -> None:
    try:
        await work
    except Exception as error:
        logger.warning("%s: %s", otherwise, type(error).__name__)
