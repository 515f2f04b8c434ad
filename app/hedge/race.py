"""`raced`: of two answers the one that begins first."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from app.background import insisted
from app.domain import Chunk
from app.errors import AnswerStopped, BackendError, BackendRejected, HedgeLost, LeanServeError
from app.tiers.patience import Patience

logger = logging.getLogger("leanserve.gateway")

Batches = AsyncGenerator[list[Chunk], None]


class Leg:
    """One answer on its way, drawn to its first token by a task of its own. `patience` is how its engine is stopped.

    `won` is called where it is given instead of another, once it has begun, and says what the other is ended with.
    """

    def __init__(self, batches: Batches, patience: Patience, won: Callable[[], HedgeLost]) -> None:
        self._batches, self._patience = batches, patience
        self.won = won
        self.first = asyncio.ensure_future(_first(batches))

    @property
    def fault(self) -> BaseException | None:
        """What it failed with before it began."""
        return self.first.exception() if self._decided else None

    @property
    def begun(self) -> bool:
        """Whether there is something to show."""
        return self._decided and self.fault is None

    @property
    def _decided(self) -> bool:
        return self.first.done() and not self.first.cancelled()

    async def rest(self) -> Batches:
        """Its first chunks and all that follow."""
        if first := await self.first:
            yield first
        async with aclosing(self._batches) as batches:
            async for batch in batches:
                yield batch

    async def lose(self, lost: HedgeLost) -> None:
        """End it, and wait until its books are in order. Raises nothing."""
        self._patience.stop(lost)
        await asyncio.wait({self.first})
        await self.close()

    async def close(self) -> None:
        """End it as its client's leaving does, and wait for that. Raises nothing."""
        self.first.cancel()
        await asyncio.wait({self.first})
        if self.fault and not isinstance(self.fault, LeanServeError):
            logger.error("an attempt failed unexpectedly", exc_info=self.fault)
        try:
            await self._batches.aclose()
        except Exception:
            logger.exception("an attempt was not closed")


async def raced(first: Leg, after_s: float, second: Callable[[], Leg | None]) -> Batches:
    """The batches of `first`, or of the leg that `second` makes where nothing came within `after_s` seconds.

    The one that begins first is given; the other is ended, and has been when this ends. A `second` that fails is as if
    it had never been; a `first` that fails waits for it where another backend could do better. Raises as `first`.
    """
    legs, losing = [first], None
    try:
        await asyncio.wait({first.first}, timeout=after_s)
        if not first.first.done() and (other := second()):
            legs.append(other)
            await _begun(first, other)
        winner = next((leg for leg in legs if leg.begun), first)
        others = [leg for leg in legs if leg is not winner]
        if others:
            lost = winner.won() if winner.begun else HedgeLost(0)
            losing = asyncio.gather(*(leg.lose(lost) for leg in others))
        legs = [winner]
        async with aclosing(winner.rest()) as batches:
            async for batch in batches:
                yield batch
    finally:
        await insisted(_ended(legs, losing))


async def _begun(first: Leg, second: Leg) -> None:
    """Until one of them has begun, or none can any more."""
    waiting = {first.first, second.first}
    while waiting and not (first.begun or second.begun or _is_final(first.fault)):
        _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


def _is_final(fault: BaseException | None) -> bool:
    """Whether another backend would do no better: the request is wrong, or was stopped."""
    if fault is None:
        return False
    return isinstance(fault, BackendRejected | AnswerStopped) or not isinstance(fault, BackendError)


async def _ended(legs: list[Leg], losing: "asyncio.Future[list[None]] | None") -> None:
    for leg in legs:
        await leg.close()
    if losing:
        await losing


async def _first(batches: Batches) -> list[Chunk]:
    """All until there is something to show: some upstreams name the role at once, and then are silent."""
    first: list[Chunk] = []
    async for chunks in batches:
        first += chunks
        if any(map(_shows, chunks)):
            break
    return first


def _shows(chunk: Chunk) -> bool:
    """Whether it has a token, or an end."""
    return any(map(_tells, chunk.get("choices") or ()))


def _tells(choice: Mapping[str, Any]) -> bool:
    said = choice.get("delta") or choice.get("message") or {}
    shown = [choice.get("finish_reason"), choice.get("text"), *(said[name] for name in said if name != "role")]
    return any(shown)
