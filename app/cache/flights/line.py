"""The records of one answer in this replica, for any number of readers, each at its own pace."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from app.cache.flights.record import is_last


class Line:
    """Filled by the leader, or by who reads along with a leader elsewhere. For one event loop.

    `over`: nothing follows. `silent`: no sign of life from the leader. `elsewhere`: other replicas follow. `given_up`:
    the end will not be made, for nobody wanted it. `demand` is set when somebody wants more, and taken down by who
    makes more.
    """

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.over = False
        self.given_up = False
        self.demand = asyncio.Event()
        self.readers = 0
        self._silent = False
        self._elsewhere = False
        self._news = asyncio.Event()

    @property
    def followed(self) -> bool:
        """Whether anybody but the leader's own client still wants the answer."""
        return not self.over and (self._elsewhere or self.readers > 0)

    @property
    def elsewhere(self) -> bool:
        """Whether another replica follows."""
        return self._elsewhere

    @elsewhere.setter
    def elsewhere(self, follows: bool) -> None:
        self._elsewhere = follows
        if follows:
            self.demand.set()

    @property
    def silent(self) -> bool:
        """Whether the leader gives no sign of life."""
        return self._silent

    @silent.setter
    def silent(self, silent: bool) -> None:
        if silent != self._silent:
            self._silent = silent
            self._wake()

    def add(self, record: bytes) -> None:
        """Append one record; the last one ends the line."""
        if self.over:
            return
        self.records.append(record)
        self.over = is_last(record)
        self._wake()

    def give_up(self) -> None:
        """Nobody wants the rest: who comes now shall not begin to read what breaks off."""
        self.given_up = not self.over
        self._wake()

    def close(self) -> None:
        """Nothing follows, whatever was told."""
        self.over = True
        self._wake()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Count a reader while the block lasts."""
        self.readers += 1
        self.demand.set()
        try:
            yield
        finally:
            self.readers -= 1

    async def at(self, position: int, *, patient: bool) -> bytes | None:
        """The record at `position` once it is there, or None where none will come.

        Who is not `patient` takes a silent leader for a dead one, and has no use for an answer that was given up.
        """
        if self.given_up and not patient:
            return None
        while position >= len(self.records):
            if self.over or (self._silent and not patient):
                return None
            await self._news.wait()
        return self.records[position]

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
