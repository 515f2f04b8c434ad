import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cache.entries import FORMAT, CacheEntry, decode_entry, encode_entry, short_id
from app.domain import Chunk, MicroUsd, Usage

ANSWER: Chunk = {"choices": [{"index": 0, "message": {"content": "é, 😀"}}]}
ID = short_id("a key")
ENTRY = CacheEntry(ID, "what?", ANSWER, Usage(1, 2, 3), "small", 5.0, 60, MicroUsd(9), "ann")


def headed(packed: bytes) -> bytes:
    """With the first line of an undamaged entry."""
    return FORMAT + f"{zlib.crc32(packed):08x}\n".encode() + packed


def stored(answer: object = ANSWER, id_: str = ID) -> bytes:
    """An entry as it lies in Redis, with any body."""
    raw = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
    return headed(msgspec.msgpack.encode([bytes.fromhex(id_), b"what?", raw, [1, 2, 3], "small", 5.0, 60, 9, "ann"]))


def test_an_entry_comes_back() -> None:
    """What was stored is what is replayed."""
    decoded = decode_entry(encode_entry(ENTRY, 1_000) or b"", ID)
    assert decoded == ENTRY
    assert decode_entry(stored(), ID) == ENTRY
    hit = decoded.hit("semantic", 8.5, 0.97, 0.9, "why")
    assert (hit.answer, hit.usage, hit.tier, hit.cost, hit.prompt) == (ANSWER, Usage(1, 2, 3), "small", 9, "what?")
    assert (hit.entry_id, hit.age_s, hit.similarity, hit.p_same, hit.reason) == (ID, 3.5, 0.97, 0.9, "why")


@pytest.mark.parametrize(("now", "max_age_s", "fresh"), [(5, 0, True), (1, 0, True), (64.9, 60, True), (65, 99, False)])
def test_an_entry_is_fresh_until_it_is_too_old(now: float, max_age_s: float, fresh: bool) -> None:
    """By its own time to live and the asker's; a clock that went back makes no negative age."""
    assert ENTRY.fresh(now, max_age_s) is fresh
    assert ENTRY.hit("exact", 1.0).age_s == 0.0
    assert not ENTRY.fresh(6.5, 1)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        FORMAT,
        stored()[:-1],
        stored()[1:],
        stored() + b"x",
        stored().replace(b"small", b"smell"),
        b"leanserve:1\n" + stored()[len(FORMAT) + 9 :],
        headed(msgspec.msgpack.encode({"id": "id"})),
        headed(b""),
        stored([]),
        stored({"choices": "abc"}),
        stored({"choices": [1]}),
        stored({"choices": [{"index": 0}]}),
        stored({"choices": [{"message": 7}]}),
        stored({"choices": []}),
        stored(b"\xff"),
        stored(b"{"),
        stored(id_=short_id("another")),
    ],
)
def test_what_is_no_entry_is_none(value: bytes) -> None:
    """Cut, damaged, of another format, of another key, or without an answer: never an exception, never an answer."""
    assert decode_entry(value, ID) is None


def test_a_long_body_has_no_value() -> None:
    """The limit is on the body's JSON, to the byte."""
    size = len(msgspec.json.encode(ANSWER))
    assert encode_entry(ENTRY, size)
    assert encode_entry(ENTRY, size - 1) is None


def test_numbers_beyond_64_bits_are_kept() -> None:
    """JSON has them, MessagePack has not."""
    entry = CacheEntry(ID, "\ud800", {"choices": [{"text": "x"}], "n": 2**70}, Usage(), "", 0, 1)
    assert decode_entry(encode_entry(entry, 1_000) or b"", ID) == entry


@given(st.binary(max_size=200))
def test_random_bytes_are_no_entry(value: bytes) -> None:
    """Whatever lies there, also behind our own mark."""
    assert decode_entry(value, ID) is None
    assert decode_entry(headed(value), ID) is None
