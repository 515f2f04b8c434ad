"""Where a request waits until a limit lets it through, by the policy `throttle`."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from app.config.budgets import ThrottlePolicy
from app.domain import BudgetExceeded, LimitAction, Refusal

POLL_S = 0.1
"""Between two tries of who is first in line: others give back what they did not need at any moment."""
AFTER_S = 0.002
"""After a window's turn, for the clock of Redis is not ours."""

Again = Callable[[], Awaitable[Refusal | None]]


class ThrottleQueue:
    """Of one replica: who waits for the same limit is let through in the order of coming. `clock` is in seconds."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._lines: dict[object, tuple[asyncio.Lock, int]] = {}
        self._waiting = 0

    async def wait(self, policy: ThrottlePolicy, refusal: BudgetExceeded, again: Again) -> Refusal | None:
        """Try `again` until nothing refuses, or another policy does; the last refusal when time or places are out."""
        if self._waiting >= policy.max_waiting or refusal.requested > refusal.limit.amount:
            return refusal
        ends = self._clock() + policy.max_wait_s
        self._waiting += 1
        try:
            return await self._in_line(ends, refusal, again)
        finally:
            self._waiting -= 1

    async def _in_line(self, ends: float, refusal: BudgetExceeded, again: Again) -> Refusal | None:
        counter = (refusal.limit.scope, refusal.limit.unit, refusal.limit.window)
        line, others = self._lines.get(counter, (asyncio.Lock(), 0))
        self._lines[counter] = line, others + 1
        try:
            async with asyncio.timeout(max(0.0, ends - self._clock())) as bound, line:
                bound.reschedule(None)  # a try is not cut: its grant would be nobody's
                return await self._first(ends, refusal, again)
        except TimeoutError:
            return refusal
        finally:
            line, others = self._lines.pop(counter)
            if others > 1:
                self._lines[counter] = line, others - 1

    async def _first(self, ends: float, refusal: BudgetExceeded, again: Again) -> Refusal | None:
        while (left := ends - self._clock()) > 0:
            turn = POLL_S if refusal.resets_in_s is None else refusal.resets_in_s + AFTER_S
            await self._sleep(min(turn, POLL_S, left))
            answer = await again()
            if not isinstance(answer, BudgetExceeded) or answer.limit.action is not LimitAction.THROTTLE:
                return answer
            refusal = answer
        return refusal
