"""Usage from the wire, whatever an upstream leaves out."""

from typing import Any

import pytest

from app.cost.usage import content_pieces, read_usage
from app.domain import Usage


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        (None, None),
        ("junk", None),
        ({}, Usage()),
        ({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}, Usage(3, 0, 2)),
        ({"prompt_tokens": 3, "completion_tokens": None, "prompt_tokens_details": None}, Usage(3, 0, 0)),
        ({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}, Usage(3, 2, 0)),
        ({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": None}}, Usage(3, 0, 0)),
        ({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 9}}, Usage(3, 3, 0)),
        ({"prompt_tokens": -3, "completion_tokens": "2"}, Usage()),
    ],
)
def test_read_usage(usage: Any, read: Usage | None) -> None:
    """Missing, null and nonsensical fields are zero; cached tokens never exceed the input."""
    assert read_usage({"usage": usage}) == read


def test_no_usage_at_all() -> None:
    """A chunk without the field has none."""
    assert read_usage({"choices": []}) is None


@pytest.mark.parametrize(
    ("choices", "pieces"),
    [
        (None, 0),
        ([], 0),
        ([{"delta": {"role": "assistant", "content": ""}}], 0),
        ([{"delta": None, "finish_reason": "stop"}], 0),
        ([{"delta": {"content": "a"}}, {"delta": {"content": "b"}}], 2),
        ([{"delta": {"reasoning_content": "hm"}}], 1),
        ([{"delta": {"tool_calls": [{"index": 0}]}}], 1),
        ([{"text": "a"}, {"text": ""}], 1),
    ],
)
def test_content_pieces(choices: Any, pieces: int) -> None:
    """Only what was generated counts: text, reasoning and tool calls, each choice by itself."""
    assert content_pieces({"choices": choices}) == pieces
