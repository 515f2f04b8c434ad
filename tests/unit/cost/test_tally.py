"""The tokens of an answer so far, whichever way its engine tells of them."""

from typing import Any

import pytest

from app.cost.usage import Tally
from app.domain import Chunk, Usage


def told(output: int, *, put_in: int = 10, cached: int = 0) -> dict[str, Any]:
    """What an engine reports."""
    details = {"cached_tokens": cached}
    return {"usage": {"prompt_tokens": put_in, "completion_tokens": output, "prompt_tokens_details": details}}


def piece(content: str = "x", index: int = 0, **more: Any) -> Chunk:
    """A chunk of one choice."""
    return {"choices": [{"index": index, "delta": {"content": content}, "finish_reason": None}], **more}


def test_without_reports_each_piece_is_a_token() -> None:
    """The role's empty chunk is none; a tool call's part is one."""
    tally = Tally()
    tally.note(piece(""))
    tally.note(piece("a"))
    tally.note({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}}]})
    assert tally.usage == Usage(0, 0, 2)


def test_a_running_report_of_one_choice_is_taken_as_it_is() -> None:
    """A chunk may carry several tokens, which its pieces do not show; input and cached tokens come with it."""
    tally = Tally()
    assert tally.note(piece("", **told(0, cached=4))) == Usage(10, 4, 0)
    assert tally.note(piece("several words", **told(3, cached=4))) == Usage(10, 4, 3)
    assert tally.note(piece("more", **told(5, cached=4))) == Usage(10, 4, 5)


def test_running_reports_are_of_their_chunks_choice() -> None:
    """As vLLM sends them for n > 1: each choice's own tokens, summed here; the input is that of all."""
    tally = Tally()
    for index, output in ((0, 1), (1, 1), (0, 2), (2, 1), (1, 4)):
        tally.note(piece(index=index, **told(output)))
    assert tally.usage == Usage(10, 0, 2 + 4 + 1)


def test_the_final_report_is_the_truth() -> None:
    """It has no choices; whatever was counted before, it replaces."""
    tally = Tally()
    tally.note(piece("a"))
    tally.note(piece("b"))
    assert tally.note({"choices": [], **told(7)}) == Usage(10, 0, 7)
    assert tally.note(piece("")) == Usage(10, 0, 7)


@pytest.mark.parametrize("usage", [None, "junk", {}])
def test_a_report_that_says_nothing_counts_nothing_away(usage: Any) -> None:
    """Some servers send `usage: null`, and some an empty one, with each chunk."""
    tally = Tally()
    tally.note(piece("a", **told(3)))
    tally.note({"choices": [{"index": 0, "delta": {}}], "usage": usage})
    tally.note({"choices": [], "usage": usage})
    assert tally.usage == Usage(10, 0, 3)


def test_a_report_never_falls() -> None:
    """A later chunk with a smaller number gives nothing back."""
    tally = Tally()
    tally.note(piece(**told(9)))
    tally.note(piece(**told(2, put_in=1)))
    assert tally.usage == Usage(10, 0, 9)


def test_a_whole_body_is_reported_once_for_all_its_choices() -> None:
    """Not for each of them."""
    tally = Tally(stream=False)
    said = {"role": "assistant", "content": "x"}
    assert tally.note({"choices": [{"index": n, "message": said} for n in range(3)], **told(12)}) == Usage(10, 0, 12)


def test_choices_that_said_why_they_ended_are_counted_once() -> None:
    """The engine makes nothing more of them."""
    tally = Tally()
    end = {"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]}
    for chunk in (piece("a"), end, end):
        tally.note(chunk)
    assert tally.ended == 1


def test_choices_that_go_on_share_what_is_left_evenly() -> None:
    """Of 25 tokens two that make equally many can use 24; the one that goes on alone all but what the other made."""
    tally = Tally()
    assert (tally.each(25, 2), tally.usable(25, 2)) == (12, 24)
    tally.note({"choices": [{"index": 1, "delta": {"content": "x"}}]})
    tally.note({"choices": [{"index": 1, "delta": {"content": "x"}, "finish_reason": "stop"}]})
    assert (tally.each(25, 2), tally.usable(25, 2)) == (23, 25)
    tally.note({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    assert tally.usable(25, 2) == 25
