"""Reading along with a leader in another replica: one reader of Redis for all followers in this one.

Short polls and no blocking read: a blocked read holds one of the pool's connections for as long as a model thinks, and
longer where Redis is frozen. All followers of an answer share one poll, 20 a second at rest.
"""

import asyncio
import time
from collections.abc import Callable

from app.cache.flights.board import Board, Flight
from app.cache.flights.line import Line
from app.errors import StoreUnavailable

SOON_S, LATER_S = 0.005, 0.05
SIGN_S = 1.0
"""Between two signs to the leader that it is followed: a third of the lease."""
COUNT = 256
PATIENCE_S = 0.25
"""Silence of Redis after which who has shown nothing yet goes another way."""
DEAD_S = 2.0
"""Silence after which nothing is waited for. Longer than the store's open breaker lets nobody through."""


class Watching:
    """Fills `line` while it has readers; `watch` must run from the first of them on."""

    def __init__(self, board: Board, flight: Flight, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.line = Line()
        self._board = board
        self._flight = flight
        self._clock = clock
        self._heard = clock()
        self._signed = float("-inf")

    async def watch(self) -> None:
        """Until the end, until nobody reads, or until the leader has been silent for long."""
        pause = SOON_S
        while self.line.readers and not self.line.over:
            found = await self._poll()
            pause = SOON_S if found else min(2 * pause, LATER_S)
            if found < COUNT:
                await asyncio.sleep(pause)
        self.line.close()

    async def _poll(self) -> int:
        """Take what there is; how many records that was."""
        try:
            alive, records = await self._read()
        except StoreUnavailable:
            self._note(silent=self._clock() - self._heard > PATIENCE_S)
            return 0
        for record in records:
            self.line.add(record)
        if alive or records:
            self._heard = self._clock()
        self._note(silent=not alive and not records)
        return len(records)

    async def _read(self) -> tuple[bool, list[bytes]]:
        sign = self._clock() - self._signed >= SIGN_S
        answer = await self._board.read(self._flight, len(self.line.records), COUNT, sign=sign)
        if sign:
            self._signed = self._clock()
        return answer

    def _note(self, *, silent: bool) -> None:
        self.line.silent = silent
        if self._clock() - self._heard > DEAD_S:
            self.line.close()
