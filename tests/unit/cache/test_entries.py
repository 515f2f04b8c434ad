import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cache.entries import FORMAT, CacheEntry, decode_entry, encode_entry
from app.domain import Chunk, Usage

ANSWER: Chunk = {"choices": [{"index": 0, "message": {"content": "é, 😀"}}]}
ENTRY = CacheEntry("id", ANSWER, Usage(1, 2, 3), "small", 5.0, "minilm")


def stored(body: object = ANSWER, id_: str = "id") -> bytes:
    """An entry as it lies in Redis, with any body."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return FORMAT + msgspec.msgpack.encode([id_, raw, Usage(), "small", 5.0, "minilm"])


def test_an_entry_comes_back() -> None:
    """What was stored is what is replayed."""
    decoded = decode_entry(encode_entry(ENTRY, 1_000) or b"", "id")
    assert decoded == ENTRY
    assert decode_entry(stored(), "id")
    hit = decoded.hit("semantic", 0.97, now=8.5)
    assert (hit.answer, hit.usage, hit.tier, hit.age_s, hit.similarity) == (ANSWER, Usage(1, 2, 3), "small", 3.5, 0.97)
    assert decoded.hit("exact", 1.0, now=1.0).age_s == 0.0


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        FORMAT,
        stored()[:-1],
        stored()[1:],
        b"leanserve:0\n" + stored()[len(FORMAT) :],
        FORMAT + msgspec.msgpack.encode({"id": "id"}),
        stored([]),
        stored({"choices": []}),
        stored(b"\xff"),
        stored(b"{"),
        stored(id_="another"),
    ],
)
def test_what_is_no_entry_is_none(value: bytes) -> None:
    """Cut, of another format, of another key, or without an answer: never an exception, never an answer."""
    assert decode_entry(value, "id") is None


def test_a_long_body_has_no_value() -> None:
    """The limit is on the body's JSON, to the byte."""
    size = len(msgspec.json.encode(ANSWER))
    assert encode_entry(ENTRY, size)
    assert encode_entry(ENTRY, size - 1) is None


def test_numbers_beyond_64_bits_are_kept() -> None:
    """JSON has them, MessagePack has not."""
    entry = CacheEntry("id", {"choices": [{"text": "x"}], "n": 2**70}, Usage(), "", 0, "")
    assert decode_entry(encode_entry(entry, 1_000) or b"", "id") == entry


@given(st.binary(max_size=200))
def test_random_bytes_are_no_entry(value: bytes) -> None:
    """Whatever lies there, also behind our own mark."""
    assert decode_entry(value, "id") is None
    assert decode_entry(FORMAT + value, "id") is None
