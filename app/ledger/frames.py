"""How a spool's file is written: frames with a checksum, one after the other, readable up to where they tear."""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

_HEAD = Struct("<IIBQQ")
"""Length of the payload, CRC-32 of all that follows it here, kind, number, request."""
_CHECKED = 8
READ_BYTES = 262_144
LARGEST = 1_048_576
"""No payload of ours comes near: a length beyond it is a torn frame's."""


class Kind(IntEnum):
    """What a frame holds: the record of a request whose first attempt begins, an attempt of it, its record at last.

    `COUNTED` only says how many records were numbered before it, in a file that was written anew.
    """

    BEGUN = 1
    ATTEMPT = 2
    RECORD = 3
    COUNTED = 4


_KINDS = frozenset(map(int, Kind))


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `request` tells a file's requests apart; `number` counts its records from 1, and is 0 of requests."""

    kind: Kind
    number: int
    request: int
    payload: bytes

    def encode(self) -> bytes:
        """As it stands in the file."""
        head = _HEAD.pack(len(self.payload), 0, self.kind, self.number, self.request)[_CHECKED:]
        checksum = zlib.crc32(self.payload, zlib.crc32(head))
        return b"".join((len(self.payload).to_bytes(4, "little"), checksum.to_bytes(4, "little"), head, self.payload))


@dataclass(frozen=True, slots=True)
class Placed:
    """A frame, and the offset behind it."""

    frame: Frame
    end: int


def records_of(file: int, offset: int) -> Iterator[tuple[int, bytes, int]]:
    """Number, payload and end of each record from `offset` on, in a file of our own writing: nothing is checked."""
    while block := os.pread(file, READ_BYTES, offset):
        at = 0
        while at + _HEAD.size <= len(block):
            length, _, kind, number, _ = _HEAD.unpack_from(block, at)
            begin = at + _HEAD.size
            if begin + length > len(block):
                break
            at = begin + length
            if kind == Kind.RECORD:
                yield number, block[begin:at], offset + at
        if at == 0:
            return
        offset += at


class FrameReader:
    """Reads the frames of an open file from `offset` on; what is appended meanwhile is read the next time."""

    def __init__(self, file: int, offset: int = 0) -> None:
        self._file = file
        self._offset = offset

    def __iter__(self) -> Iterator[Placed]:
        buffer, start = b"", self._offset
        while block := os.pread(self._file, READ_BYTES, start + len(buffer)):
            buffer += block
            at = 0
            while placed := _frame(buffer, at):
                at = placed.end
                self._offset = start + at
                yield Placed(placed.frame, self._offset)
            buffer, start = buffer[at:], start + at
            if _is_torn(buffer):
                return

    def rest(self) -> int:
        """Bytes behind the last whole frame that was read: 0, unless the file is torn, or more has come."""
        return os.fstat(self._file).st_size - self._offset


def _is_torn(buffer: bytes) -> bool:
    """Whether no byte that may follow can make the beginning of `buffer` a frame."""
    if len(buffer) < _HEAD.size:
        return False
    length = int.from_bytes(buffer[:4], "little")
    return length > LARGEST or len(buffer) >= _HEAD.size + length


def _frame(buffer: bytes, at: int) -> Placed | None:
    """The whole, sound frame at `at`, if there is one; `end` within `buffer`."""
    if len(buffer) < at + _HEAD.size:
        return None
    length, checksum, kind, number, request = _HEAD.unpack_from(buffer, at)
    begin, end = at + _HEAD.size, at + _HEAD.size + length
    if length > LARGEST or len(buffer) < end:
        return None
    payload = buffer[begin:end]
    if zlib.crc32(payload, zlib.crc32(buffer[at + _CHECKED : begin])) != checksum or kind not in _KINDS:
        return None
    return Placed(Frame(Kind(kind), number, request, payload), end)
