"""Where a request waits until a limit lets it through: by the policy `throttle`, or since others may give back."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.config.budgets import ThrottlePolicy
from app.domain import BudgetExceeded, LimitAction, Refusal, Unit
from app.errors import StoreUnavailable

POLL_S = 0.1
"""Between two tries of who is first in line: others give back what they did not need at any moment."""
AFTER_S = 0.002
"""After a window's turn, for the clock of Redis is not ours."""

Again = Callable[[], Awaitable[Refusal | None]]
Passing = Callable[[BudgetExceeded], bool]
"""Whether a refusal is one to wait for."""


def throttled(refusal: BudgetExceeded) -> bool:
    """The limit's own policy says so."""
    return refusal.limit.action is LimitAction.THROTTLE


def only_held(refusal: BudgetExceeded) -> bool:
    """What keeps it out are holds, of which most is given back: nobody knows how long an answer becomes."""
    return refusal.limit.action is LimitAction.REJECT and refusal.is_only_held


def _hopeless(refusal: BudgetExceeded, left_s: float) -> bool:
    """It never fits, or the window turns too late and what others may give back would not do.

    What a request needs at least may be known better only once it could fit.
    """
    if refusal.requested > refusal.limit.amount:
        return True
    if refusal.limit.unit is Unit.CONCURRENT:
        return False
    turns = refusal.resets_in_s is not None and refusal.resets_in_s <= left_s
    return not turns and refusal.remaining + refusal.held < refusal.requested


@dataclass(slots=True, eq=False)
class _Line:
    """Who waits for one limit. `flows` where the last who was first has just heard for sure: the next tries at once.

    `away_since`: when the store began to leave whoever was first without an answer.
    """

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    flows: bool = False
    away_since: float | None = None


@dataclass(frozen=True, slots=True)
class _Wait:
    """One request's. It `ends` at that time; the store may be away for `away_s` of it."""

    ends: float
    away_s: float
    again: Again
    passing: Passing


class ThrottleQueue:
    """Of one replica: who waits for the same limit is let through in the order of coming. `clock` is in seconds."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._lines: dict[object, _Line] = {}
        self._waiting = 0

    async def wait(
        self,
        policy: ThrottlePolicy,
        refusal: BudgetExceeded,
        again: Again,
        passing: Passing = throttled,
        *,
        away_s: float = 0.0,
    ) -> Refusal | None:
        """Try `again` until nothing refuses, or for a reason that is not `passing`, or it turns out never to fit.

        The last refusal when time or places are out. Raises `StoreUnavailable` where the store is away for longer than
        `away_s`: one that comes back sooner costs nobody the place in line.
        """
        if self._waiting >= policy.max_waiting or _hopeless(refusal, policy.max_wait_s):
            return refusal
        wait = _Wait(self._clock() + policy.max_wait_s, away_s, again, passing)
        self._waiting += 1
        try:
            return await self._in_line(wait, refusal)
        finally:
            self._waiting -= 1

    async def _in_line(self, wait: _Wait, refusal: BudgetExceeded) -> Refusal | None:
        counter = (refusal.limit.scope, refusal.limit.unit, refusal.limit.window)
        line = self._lines.setdefault(counter, _Line())
        line.waiting += 1
        try:
            async with asyncio.timeout(max(0.0, wait.ends - self._clock())) as bound, line.turn:
                bound.reschedule(None)  # a try is not cut: its grant would be nobody's
                return await self._first(line, wait, refusal)
        except TimeoutError:
            return refusal
        finally:
            line.waiting -= 1
            if not line.waiting:
                del self._lines[counter]

    async def _first(self, line: _Line, wait: _Wait, refusal: BudgetExceeded) -> Refusal | None:
        while (left := wait.ends - self._clock()) > 0:
            turn = POLL_S if refusal.resets_in_s is None else refusal.resets_in_s + AFTER_S
            if not line.flows:
                await self._sleep(min(turn, POLL_S, left))
            line.flows = False
            try:
                answer = await wait.again()
            except StoreUnavailable:
                line.flows = self._away_s(line) >= wait.away_s  # then all behind are told at once as well
                if line.flows or self._clock() >= wait.ends:
                    raise
                continue
            line.away_since = None
            if not isinstance(answer, BudgetExceeded) or not wait.passing(answer) or _hopeless(answer, left):
                line.flows = True  # a thousand who hear the same are not told it ten a second
                return answer
            refusal = answer
        return refusal

    def _away_s(self, line: _Line) -> float:
        """How long the store does not answer by now."""
        now = self._clock()
        line.away_since = now if line.away_since is None else line.away_since
        return now - line.away_since
