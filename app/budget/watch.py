"""What one replica keeps up with: it gives signs of life, and hears of stops, of stored keys and of stored budgets.

It polls: a message can be lost, a state cannot. One small script four times a second says whether anything changed.
What changed in this very process is looked at without waiting.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from app.budget.leases import Revisions
from app.budget.limits import scopes_of
from app.budget.live import Live
from app.domain import Caller, Scope, ScopeStopped
from app.errors import StoreUnavailable

logger = logging.getLogger("leanserve.budget")

PERIOD_S = 0.25
"""Answers of a stopped scope end within a second: this, Redis, and `Live`'s grace for a clean end."""


class Leases(Protocol):
    """Who takes signs of life."""

    async def beat(self, holder: str) -> Revisions:
        """`holder` is alive; the revisions of what is watched."""
        ...


Refresh = Callable[[], Awaitable[object]]


async def _nothing() -> None:
    """Nothing is stored."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is re-read when its revision changes; `policy` gives the policy in force, whatever it is."""

    stops: Callable[[], Awaitable[Sequence[ScopeStopped]]]
    keys: Refresh = _nothing
    budgets: Refresh = _nothing
    policy: Callable[[], object] = lambda: None


class Watch:
    """One replica's, as `holder`. Use it on one event loop."""

    def __init__(self, leases: Leases, holder: str, live: Live, watched: Watched) -> None:
        self._leases, self._holder, self._live, self._watched = leases, holder, live, watched
        self._seen = Revisions(-1, -1, -1)
        self._policy: object = None
        self._stopped: Mapping[Scope, ScopeStopped] = {}
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stopped(self, caller: Caller) -> ScopeStopped | None:
        """What stops `caller`, as of the last look: for requests that ask the ledger nothing."""
        if not self._stopped:
            return None
        return next((self._stopped[scope] for scope in scopes_of(caller) if scope in self._stopped), None)

    async def run(self) -> None:
        """Look for ever. A look that fails is logged once until one succeeds."""
        well, self._loop = True, asyncio.get_running_loop()
        while True:
            self._woken.clear()
            try:
                await self.look()
                well = True
            except Exception as error:
                if well or not isinstance(error, StoreUnavailable):
                    logger.warning("the watch could not look: %s", type(error).__name__)
                well = False
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), PERIOD_S)

    def wake(self) -> None:
        """Look now: the policy changed. From any thread."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._woken.set)

    async def look(self) -> None:
        """Look once, and end what may not go on. Raises `StoreUnavailable`; what was not read is read next time."""
        now, policy = await self._leases.beat(self._holder), self._watched.policy()
        if now == self._seen and policy is self._policy:
            return
        if now.stops != self._seen.stops:
            self._stopped = {each.scope: each for each in await self._watched.stops()}
        if now.keys != self._seen.keys:
            await self._watched.keys()
        if now.budgets != self._seen.budgets:
            await self._watched.budgets()
        self._seen, self._policy = now, policy
        await self._live.recheck(self.stopped)
