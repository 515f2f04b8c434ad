"""How far each sequence of an engine may go, told to the engine's own process: a table in shared memory.

One process opens gates and moves them, another one, which knows the file's path, reads them at each step.
"""

import mmap
import os
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

FILE = "LEANSERVE_GATES"
"""The environment variable that tells the engine's process, a child of its replica, where the table is."""
FIELD = "leanserve_gate"
"""What a request calls its gate, among the arguments for its engine (`vllm_xargs`)."""
GATES = 4096
"""Streams of one replica at once, and as many closed ones that the engine may still know."""
_SHARED = Path("/dev/shm")  # noqa: S108 - memory, where there is such a thing


class Gates:
    """Numbers from 1 name gates. Number 0 tells the writer that somebody reads."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._table = memoryview(mmap.mmap(file.fileno(), 8 * (GATES + 1))).cast("q")
        self._free = deque(range(1, GATES + 1))

    @classmethod
    def create(cls) -> tuple[Self, Path]:
        """A new table and where it is; remove the file once the reader has it open."""
        handle, name = tempfile.mkstemp(prefix="leanserve-gates-", dir=_SHARED if _SHARED.is_dir() else None)
        os.truncate(handle, 8 * (GATES + 1))
        os.close(handle)
        return cls(Path(name)), Path(name)

    @property
    def heeded(self) -> bool:
        """Whether an engine reads them."""
        return bool(self._table[0])

    def heed(self) -> None:
        """Said by the engine."""
        self._table[0] = 1

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A gate, still closed. Raises IndexError when all are open. Closed at the end, and long not used again."""
        gate = self._free.popleft()
        try:
            yield gate
        finally:
            self.move(gate, 0)
            self._free.append(gate)

    def move(self, gate: int, tokens: int) -> None:
        """So many tokens may be made behind it."""
        self._table[gate] = tokens

    def allowed(self, gate: int) -> int:
        """How many may be made by now."""
        return self._table[gate]
