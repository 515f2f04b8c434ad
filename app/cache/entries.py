"""What a cache entry is in Redis: a mark of its format, then MessagePack."""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from app.domain import CacheHit, Chunk, Usage

FORMAT = b"leanserve:1\n"
"""The first bytes of an entry. Another format, or foreign bytes, begin otherwise."""


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A complete answer and what is known of it. `created_at` is seconds since 1970."""

    id: str
    answer: Chunk
    usage: Usage
    tier: str
    created_at: float
    embedder: str

    def hit(self, kind: Literal["exact", "semantic"], similarity: float, now: float) -> CacheHit:
        """This entry as an answer. A clock that went back makes no negative age."""
        age_s = max(0.0, now - self.created_at)
        return CacheHit(kind, self.id, similarity, age_s, self.answer, self.usage, self.tier)


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    """The entry as MessagePack. The body stays JSON: it knows numbers that MessagePack does not."""

    id: str
    body: bytes
    usage: Usage
    tier: str
    created_at: float
    embedder: str


def encode_entry(entry: CacheEntry, max_answer_bytes: int) -> bytes | None:
    """The value of the entry's key, or None where the body is longer, as JSON, than allowed."""
    body = msgspec.json.encode(entry.answer)
    if len(body) > max_answer_bytes:
        return None
    stored = _Stored(entry.id, body, entry.usage, entry.tier, entry.created_at, entry.embedder)
    return FORMAT + msgspec.msgpack.encode(stored)


def decode_entry(value: bytes, entry_id: str) -> CacheEntry | None:
    """The entry, or None for whatever is not entry `entry_id` in this format with an answer in it."""
    if not value.startswith(FORMAT):
        return None
    try:
        stored = msgspec.msgpack.decode(memoryview(value)[len(FORMAT) :], type=_Stored)
        answer = msgspec.json.decode(stored.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if stored.id != entry_id or not answer.get("choices"):
        return None
    return CacheEntry(stored.id, answer, stored.usage, stored.tier, stored.created_at, stored.embedder)
