"""What a cache entry is in Redis: a line with the mark of its format and a checksum, then MessagePack."""

import hashlib
import zlib
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from app.domain import CacheHit, Chunk, MicroUsd, Usage

FORMAT = b"leanserve:2 "
"""The first bytes of an entry. Another format, or foreign bytes, begin otherwise."""
_HEAD = len(FORMAT) + 9


def short_id(name: str) -> str:
    """24 hex digits of a name's SHA-256. In Redis an id is 12 bytes: every index repeats it, twice in a vector set.

    The id of an entry is that of its canonical key, the name of a vector set that of its neighbourhood. Of ten million
    ids, two are equal by chance with a probability of 10^-15; to meet another's on purpose takes 2^96 tries.
    """
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A complete answer and what a reader must know of it. `created_at` is seconds since 1970.

    `prompt` is the canonical text that was asked, for the verifier. `user` is empty unless the entry is one user's own.
    What an operator finds it by, its feature and tags, is in the catalogue.
    """

    id: str
    prompt: str
    answer: Chunk
    usage: Usage
    tier: str
    created_at: float
    ttl_s: int
    cost: MicroUsd = field(default=MicroUsd(0))
    user: str = ""

    def age_s(self, now: float) -> float:
        """Seconds since it was stored. A clock that went back makes no negative age."""
        return max(0.0, now - self.created_at)

    def fresh(self, now: float, max_age_s: float) -> bool:
        """Whether it may still answer."""
        age_s = self.age_s(now)
        return age_s < self.ttl_s and age_s <= max_age_s

    def hit(
        self,
        kind: Literal["exact", "semantic"],
        now: float,
        similarity: float = 1.0,
        p_same: float | None = 1.0,
        reason: str = "",
    ) -> CacheHit:
        """This entry as an answer."""
        return CacheHit(
            kind,
            self.id,
            similarity,
            self.age_s(now),
            self.answer,
            self.usage,
            self.tier,
            p_same,
            reason,
            self.cost,
            self.prompt,
        )


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    """The entry as MessagePack. The body stays JSON: it knows numbers that MessagePack does not."""

    id: bytes
    prompt: bytes  # UTF-8 but for lone surrogates, which JSON may carry
    body: bytes
    usage: tuple[int, int, int]
    tier: str
    created_at: float
    ttl_s: int
    cost: int
    user: str


def encode_entry(entry: CacheEntry, max_answer_bytes: int) -> bytes | None:
    """The value of the entry's key, or None where the body is longer, as JSON, than allowed."""
    body = msgspec.json.encode(entry.answer)
    if len(body) > max_answer_bytes:
        return None
    usage = entry.usage
    stored = _Stored(
        bytes.fromhex(entry.id),
        entry.prompt.encode("utf-8", "surrogatepass"),
        body,
        (usage.input_tokens, usage.cached_tokens, usage.output_tokens),
        entry.tier,
        entry.created_at,
        entry.ttl_s,
        entry.cost,
        entry.user,
    )
    packed = msgspec.msgpack.encode(stored)
    return _head(packed) + packed


def decode_entry(value: bytes, entry_id: str) -> CacheEntry | None:
    """The entry, or None for whatever is not entry `entry_id` in this format, undamaged, with an answer in it."""
    packed = memoryview(value)[_HEAD:]
    if value[:_HEAD] != _head(packed):
        return None
    try:
        stored = msgspec.msgpack.decode(packed, type=_Stored)
        answer = msgspec.json.decode(stored.body, type=dict[str, Any])
        prompt = stored.prompt.decode("utf-8", "surrogatepass")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if stored.id.hex() != entry_id or not _is_answer(answer):
        return None
    return CacheEntry(
        entry_id,
        prompt,
        answer,
        Usage(*stored.usage),
        stored.tier,
        stored.created_at,
        stored.ttl_s,
        MicroUsd(stored.cost),
        stored.user,
    )


def _head(packed: bytes | memoryview) -> bytes:
    """The first line. CRC-32 is against accidents: who may write to Redis may forge anything."""
    return FORMAT + f"{zlib.crc32(packed):08x}\n".encode()


def _is_answer(body: Chunk) -> bool:
    """Whether a replay finds what it reads."""
    choices = body.get("choices")
    return isinstance(choices, list) and bool(choices) and all(map(_is_choice, choices))


def _is_choice(choice: Any) -> bool:
    return isinstance(choice, dict) and (isinstance(choice.get("message"), dict) or isinstance(choice.get("text"), str))
