"""One replica's own file of records: written before Redis hears of them, so that a replica that dies loses none.

What was written survives the death of the process (it is in the kernel's pages), not that of the machine: a sync to the
disk would cost each request a millisecond. The file is held with a lock; one whose lock is free is a dead replica's.
"""

import fcntl
import logging
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from app.ledger.frames import Frame, FrameReader, Kind, records_of

logger = logging.getLogger("leanserve.ledger")

SUFFIX = ".spool"
MOST_BYTES = 64 * 2**20
"""100,000 records and more: a minute of full load without Redis, hours of an ordinary one."""
WORTH_BYTES = 4 * 2**20
"""So much that was sent is worth writing the file anew without it."""
COPIED_BYTES = 8 * 2**20
"""More is not copied at once: it takes 3 ms."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A record of a spool, encoded, under its number."""

    number: int
    payload: bytes


class _Reached(NamedTuple):
    """Behind which record one is: the offset there, and its number."""

    offset: int
    number: int


class Spool:
    """Appends and reads; use it in one thread. A `write` that fails gives False or None, and changes nothing.

    `name` is of this spool alone, for ever: Redis remembers by it how far its records were booked. `number` is the last
    record's.
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES, worth_bytes: int = WORTH_BYTES) -> None:
        """Raises OSError where the folder cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        self.name = uuid4().hex
        self.path = folder / f"{self.name}{SUFFIX}"
        self._most_bytes, self._worth_bytes = most_bytes, worth_bytes
        self._file = _create(self.path, b"")
        self._size = self._requests = self.number = 0
        self._sent = self._read = _Reached(0, 0)
        self._open: dict[str, tuple[int, bytes]] = {}

    @property
    def waiting_bytes(self) -> int:
        """What was not sent yet."""
        return self._size - self._sent.offset

    @property
    def waiting(self) -> int:
        """Records that were not sent yet."""
        return self.number - self._sent.number

    def knows(self, request_id: str) -> bool:
        """Whether the request has begun, and is not over."""
        return request_id in self._open

    def begin(self, request_id: str, payload: bytes) -> bool:
        """A request's first attempt is planned: `payload` is its record as it would be without an end."""
        self._requests += 1
        return self._note(request_id, self._requests, Frame(Kind.BEGUN, 0, self._requests, payload).encode())

    def attempt(self, request_id: str, payload: bytes) -> bool:
        """What is known of an attempt of a request that has begun."""
        if (known := self._open.get(request_id)) is None:
            return False
        return self._note(request_id, known[0], Frame(Kind.ATTEMPT, 0, known[0], payload).encode())

    def append(self, request_id: str, payload: bytes) -> int | None:
        """The record of a request that is over: its number. Until it waits to be sent the request counts as open."""
        request, _ = self._open.get(request_id, (0, b""))
        written = self._write(Frame(Kind.RECORD, self.number + 1, request, payload).encode())
        if written:
            self.number += 1
        self._open.pop(request_id, None)
        return self.number if written else None

    def forget(self, request_id: str) -> None:
        """A request is over that leaves no record: it goes from the file when that is written anew."""
        self._open.pop(request_id, None)

    def read(self, most: int, below: int | None = None) -> list[Numbered]:
        """The oldest records that were not sent, at most so many, with numbers below `below`."""
        found, self._read = list[Numbered](), self._sent
        for number, payload, end in records_of(self._file, self._sent.offset):
            if below is not None and number >= below:
                break
            found.append(Numbered(number, payload))
            self._read = _Reached(end, number)
            if len(found) >= most:
                break
        return found

    def sent(self) -> None:
        """All that the last `read` gave is booked."""
        self._sent = self._read
        if self._sent.offset >= self._worth_bytes and self.waiting_bytes <= COPIED_BYTES:
            self._shorten()

    def close(self) -> None:
        """Give the file free; it is removed where nothing waits in it."""
        if not self._open and not self.read(1):
            self.path.unlink(missing_ok=True)
        os.close(self._file)

    def _note(self, request_id: str, request: int, frame: bytes) -> bool:
        if not self._write(frame):
            return False
        self._open[request_id] = (request, self._open.get(request_id, (0, b""))[1] + frame)
        return True

    def _write(self, frame: bytes) -> bool:
        if self._size + len(frame) > self._most_bytes:
            return False
        try:
            written = os.write(self._file, frame)
            if written < len(frame):
                os.ftruncate(self._file, self._size)
                return False
        except OSError as error:
            logger.warning("the spool cannot be written: %s", error.strerror)
            return False
        self._size += written
        return True

    def _shorten(self) -> None:
        """Write the file anew: requests that have begun, and what was not sent. Readers see the one or the other."""
        counted = Frame(Kind.COUNTED, self.number, 0, b"").encode()
        begun = counted + b"".join(frames for _, frames in self._open.values())
        try:
            fresh = _create(self.path, begun + os.pread(self._file, self.waiting_bytes, self._sent.offset))
        except OSError as error:
            logger.warning("the spool cannot be written anew: %s", error.strerror)
            return
        os.close(self._file)
        self._file, self._size = fresh, len(begun) + self.waiting_bytes
        self._sent = self._read = _Reached(0, self._sent.number)


class DeadSpool:
    """A spool whose replica died: held as long as it is open, so that one process alone sweeps it."""

    def __init__(self, path: Path, file: int) -> None:
        self.name = path.name.removesuffix(SUFFIX)
        self._path, self._file = path, file

    def __iter__(self) -> Iterator[Frame]:
        reader = FrameReader(self._file)
        yield from (placed.frame for placed in reader)
        if torn := reader.rest():
            logger.warning("spool=%s is torn: its last %s bytes are no frame", self.name, torn)

    def remove(self) -> None:
        """All of it is booked."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give it free."""
        os.close(self._file)


def dead_spools(folder: Path) -> Generator[DeadSpool, None, None]:
    """Those that nobody holds; each is closed when the next is asked for."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if (file := _hold(path)) is None:
            continue
        dead = DeadSpool(path, file)
        try:
            yield dead
        finally:
            dead.close()


def _hold(path: Path) -> int | None:
    """The file, locked; None where another holds it, or it is gone or was replaced meanwhile."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file).st_ino == path.stat().st_ino:
            return file
    except (BlockingIOError, FileNotFoundError):
        pass  # it is somebody's
    os.close(file)
    return None


def _create(path: Path, content: bytes) -> int:
    """A file with this content, locked before anyone can find it under its name."""
    fresh = path.with_name(f".{path.name}.new")
    file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
        fresh.rename(path)
    except BaseException:
        os.close(file)
        fresh.unlink(missing_ok=True)
        raise
    return file
