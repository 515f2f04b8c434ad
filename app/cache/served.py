"""The record of a semantic hit: what was asked, and what was taken for the same."""

from dataclasses import dataclass

import msgspec

SERVED_S = 86_400
"""How long a hit can be reported by its request's id."""


@dataclass(frozen=True, slots=True)
class Served:
    """`asked` was answered by the entry that had answered `stored`. `p_same` is None where a threshold decided."""

    entry_id: str
    asked: str
    stored: str
    similarity: float
    p_same: float | None


def encode_served(record: Served) -> bytes:
    """The value of the record's key. Lone surrogates, legal in JSON, become question marks."""
    plain = Served(record.entry_id, _plain(record.asked), _plain(record.stored), record.similarity, record.p_same)
    return msgspec.msgpack.encode(plain)


def decode_served(value: bytes) -> Served | None:
    """The record, or None for whatever is none."""
    try:
        return msgspec.msgpack.decode(value, type=Served)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
