"""The decoder of server-sent events: any pieces in, whole events out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BackendBroken
from app.tiers.sse import SseDecoder

STREAM = (
    'data: {"a": "höher 😀 \u2028 x"}\r\n\r\n: ping\n\ndata:b\ndata: c\n\nevent: x\rid: 1\rdata: d\r\rdata: [DONE]\n\n'
)
EVENTS = ['{"a": "höher 😀 \u2028 x"}', "b\nc", "d", "[DONE]"]


def decoded(pieces: list[bytes]) -> list[str]:
    decoder = SseDecoder()
    return [event.decode() for piece in pieces for event in decoder.feed(piece)]


def test_a_whole_stream() -> None:
    """All line ends, comments, other fields, several data lines, and separators of Unicode inside JSON."""
    assert decoded([STREAM.encode()]) == EVENTS


def test_byte_by_byte() -> None:
    """Split anywhere, in a character or between CR and LF, it says the same."""
    assert decoded([bytes([byte]) for byte in STREAM.encode()]) == EVENTS


@given(st.lists(st.integers(0, len(STREAM.encode()))))
def test_any_split(cuts: list[int]) -> None:
    """No way to cut the bytes changes the events."""
    data, ends = STREAM.encode(), [*sorted(cuts), None]
    assert decoded([data[a:b] for a, b in zip([0, *sorted(cuts)], ends, strict=True)]) == EVENTS


def test_an_event_comes_with_its_last_byte() -> None:
    """Nothing waits for the next piece, not even after a lone CR."""
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\r\r") == [b"a"]
    assert decoder.feed(b"data: b\r\n\r\n") == [b"b"]
    assert decoder.feed(b"data: c\n") == []
    assert decoder.feed(b"\n") == [b"c"]


def test_a_byte_order_mark_is_skipped() -> None:
    """As the standard says."""
    assert decoded([b"\xef\xbb\xbfdata: a\n\n"]) == ["a"]


def test_an_unfinished_event_is_not_given_out() -> None:
    """A stream that breaks off in an event loses it."""
    assert decoded([b"data: a\n"]) == []


@pytest.mark.parametrize("piece", [b"x" * 10, b"data: x\n", b"data: " + b"x" * 10])
def test_what_never_ends_is_cut(piece: bytes) -> None:
    """Neither a line nor an event without end fills the memory."""
    decoder = SseDecoder(max_bytes=100)
    with pytest.raises(BackendBroken):
        [decoder.feed(piece) for _ in range(100)]


def test_many_events_and_comments_are_no_long_event() -> None:
    """The bound is on one event, not on a stream."""
    decoder = SseDecoder(max_bytes=100)
    for number in range(100):
        assert [event for _ in range(20) for event in decoder.feed(b": ping\n")] == []
        assert [json.loads(event) for event in decoder.feed(b"data: %d\n\n" % number)] == [number]
