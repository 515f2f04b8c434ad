"""Refusals: what is one, and what only looks like it."""

import pytest

from app.cascade.refusal import is_refusal, opens_as_refusal
from tests.fakes_answers import choice

REFUSALS = [
    "I'm sorry, but I can't assist with that.",
    "I’m sorry, but I can’t help with that request.",
    "Sorry, I cannot provide that information.",
    "I am sorry, but I am unable to do that.",
    "I'm afraid I can't do that.",
    "I apologize, but I cannot fulfil this request.",
    "I cannot help you with this.",
    "I can't provide medical advice.",
    "I'm unable to access the internet.",
    "Unfortunately, I am not able to answer this question.",
    "As an AI language model, I don't have access to real-time data.",
    "As an AI, I cannot have opinions.",
    "  I won't do that. ",
]
ANSWERS = [
    "",
    "Paris.",
    "I'm sorry to hear that. Here is what you can do: call them.",
    "Sorry for the confusion: the answer is 4.",
    "I can help with that: first, open the file.",
    "I can't believe how often this is asked! The answer is 4.",
    "As an airline, we fly to Rome.",
    "As an AI engineer, you will train models.",
    "You cannot divide by zero.",
    "The user wrote: I'm sorry, but I can't assist with that.",
    "Es tut mir leid, dabei kann ich nicht helfen.",
    "I cannot help you with the first part. " + "The second part, however, works like this. " * 20,
]


@pytest.mark.parametrize("text", REFUSALS)
def test_known_openings_are_refusals(text: str) -> None:
    """Whatever the apostrophe and the case."""
    assert opens_as_refusal(text)
    assert opens_as_refusal(text.upper())


@pytest.mark.parametrize("text", ANSWERS)
def test_answers_are_none(text: str) -> None:
    """Apologies that go on, other subjects, quotations, long answers, other languages."""
    assert not opens_as_refusal(text)


def test_openais_own_ways() -> None:
    """The `refusal` field, and an end by the content filter."""
    assert is_refusal(choice(None, refusal="No."))
    assert is_refusal(choice("half an ans", finish="content_filter"))
    assert is_refusal({"index": 0, "text": "I cannot help with that."})
    assert not is_refusal(choice("Paris.", refusal=None))


def test_a_hostile_opening_is_read_at_once() -> None:
    """No backtracking without end on what almost matches."""
    assert not opens_as_refusal("i'm sorry " + "i " * 290)
