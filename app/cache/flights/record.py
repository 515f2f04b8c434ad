"""What a leader tells of its answer, record by record; the last one says how it ended."""

import msgspec

from app.domain import CacheHit, Chunk, MicroUsd

_MORE, _LAST = b"+", b"."


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """A batch of chunks of a backend's stream, or of one whole body where not `stream`; or an end.

    The ends: `done` with what it cost, a `hit` that answers instead of a call, the arguments of the `BackendRejected`
    that every same request would get, and none of these: the answer failed, as another attempt may not.
    """

    chunks: list[Chunk] = []
    stream: bool = True
    tier: str = ""
    done: bool = False
    cost: MicroUsd = MicroUsd(0)
    hit: CacheHit | None = None
    rejected: tuple[str, int, str | None] | None = None

    @property
    def last(self) -> bool:
        """Whether nothing follows."""
        return not self.chunks


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


def encode_record(record: Record) -> bytes:
    """A mark of whether more follows, then JSON. Raises ValueError or TypeError for what is no JSON."""
    return (_LAST if record.last else _MORE) + _encoder.encode(record)


def is_last(told: bytes) -> bool:
    """Whether nothing follows an encoded record. Foreign bytes are no end."""
    return told.startswith(_LAST)


def decode_record(told: bytes) -> Record | None:
    """The record, the reader's own, or None for foreign bytes."""
    if not told.startswith((_MORE, _LAST)):
        return None
    try:
        return _decoder.decode(memoryview(told)[1:])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
