"""Where a request waits until a limit lets it through: by the policy `throttle`, or since others may give back."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import islice

from app.config.budgets import ThrottlePolicy
from app.domain import BudgetExceeded, LimitAction, Refusal, Unit
from app.errors import StoreUnavailable

POLL_S = 0.1
"""Between two tries of who is first in line: others give back what they did not need at any moment."""
AWAY_POLL_S = 0.5
"""The same while the store is away: its breaker lets one probe through a second."""
AFTER_S = 0.002
"""After a window's turn, for the clock of Redis is not ours."""
MOST_ABREAST = 64
"""Tries of one line at a time, as many as a store has connections."""

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
    if refusal.limit.window.sliding and refusal.held:
        return False  # some of it is past sooner, and may do with what is given back
    turns = refusal.resets_in_s is not None and refusal.resets_in_s <= left_s
    return not turns and refusal.remaining + refusal.held < refusal.requested


@dataclass(slots=True, eq=False)
class _Wait:
    """One request's. It `ends` at that time; the store may be away for `away_s` of it. `turn`: it may try."""

    ends: float
    away_s: float
    again: Again
    passing: Passing
    turn: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class _Line:
    """Who waits for one limit, in the order of coming; the first `abreast` of them may try.

    That is one, after a sleep, where the last try found nothing; one more after each that did not have to wait on, so
    twice as many each round: where hundreds fit at once, one round trip after the other would take longer than they
    wait. `away_since`: when the store began to leave whoever tried without an answer.
    """

    waiting: dict[_Wait, None] = field(default_factory=dict)
    abreast: int = 1
    away_since: float | None = None

    def call(self) -> None:
        """Whose turn it is."""
        for wait in islice(self.waiting, self.abreast):
            wait.turn.set()

    def widen(self, by: int = 1) -> None:
        """The next need not sleep."""
        self.abreast = min(self.abreast + by, MOST_ABREAST)
        self.call()

    def narrow(self) -> None:
        """All but the first wait again."""
        for wait in islice(self.waiting, self.abreast):
            wait.turn.clear()
        self.abreast = 1
        self.call()


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
        counter = (refusal.limit.scope, refusal.limit.unit, refusal.limit.window)
        line = self._lines.setdefault(counter, _Line())
        self._waiting += 1
        line.waiting[wait] = None
        line.call()
        try:
            return await self._in_line(line, wait, refusal)
        finally:
            self._waiting -= 1
            del line.waiting[wait]
            line.call()
            if not line.waiting:
                del self._lines[counter]

    async def _in_line(self, line: _Line, wait: _Wait, refusal: BudgetExceeded) -> Refusal | None:
        while await self._is_called(wait):
            left = max(0.0, wait.ends - self._clock())
            if line.abreast == 1:
                turn = POLL_S if refusal.resets_in_s is None else refusal.resets_in_s + AFTER_S
                await self._sleep(min(turn, POLL_S, left))
            answer = await self._tried(line, wait)  # not cut where time is over: its grant would be nobody's
            if not isinstance(answer, BudgetExceeded) or not wait.passing(answer) or _hopeless(answer, left):
                line.widen()  # a thousand who hear the same are not told it ten a second
                return answer
            line.narrow()
            refusal = answer
        return refusal

    async def _is_called(self, wait: _Wait) -> bool:
        """Wait for its turn; False where its time is over before that."""
        left = wait.ends - self._clock()
        if left <= 0:
            return False
        try:
            async with asyncio.timeout(left):
                await wait.turn.wait()
        except TimeoutError:
            return False
        return True

    async def _tried(self, line: _Line, wait: _Wait) -> Refusal | None:
        """What the ledger says, once it says anything. Raises `StoreUnavailable`."""
        while True:
            try:
                answer = await wait.again()
            except StoreUnavailable:
                line.narrow()
                now = self._clock()
                line.away_since = now if line.away_since is None else line.away_since
                if now - line.away_since >= wait.away_s:
                    line.widen(MOST_ABREAST)  # all of them are told
                    raise
                if now >= wait.ends:
                    raise
                await self._sleep(AWAY_POLL_S)
            else:
                line.away_since = None
                return answer
