"""What the recorder learns of a request beside its numbers."""

from dataclasses import replace

import pytest

from app.domain import Usage
from app.journey import AttemptOutcome, Journey
from app.ledger.describing import Describing, said_in
from app.ledger.making import record_of
from app.ledger.record import Against
from app.observe.recording import Ended
from tests.unit.ledger.test_against import SPECS, attempt, journey

QUESTION = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "Is it raining? Yes or no."}]
END = Ended(AttemptOutcome.SUCCESS, "")


def answered() -> Journey:
    found = journey(attempt("small", Usage(30, 0, 5)))
    found.request = replace(found.request, payload={"model": "auto", "messages": QUESTION})
    found.decided, found.body = "small", lambda: {"choices": [{"message": {"content": "No."}}]}
    return found


def test_the_parts_are_those_of_the_attempt_that_answered() -> None:
    """To the token, and the question's own form is seen."""
    found = answered()
    anatomy, against = Describing(SPECS)(found, record_of(found, END, 0))
    parts = (anatomy.system, anatomy.history, anatomy.documents, anatomy.tools, anatomy.user, anatomy.frame)
    assert sum(parts) == 30
    assert anatomy.brief_tokens
    assert against != Against()


def test_a_request_that_nothing_answered_is_described_too() -> None:
    """Its prompt may be repeated; no engine read it."""
    found = answered()
    found.attempts.clear()
    anatomy, against = Describing(SPECS)(found, record_of(found, END, 0))
    assert (anatomy.user, anatomy.exact, against) == (0, False, Against())
    assert anatomy.repeat == Describing(SPECS)(answered(), record_of(answered(), END, 0))[0].repeat


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, None),
        ({"choices": [{"message": {"content": None, "tool_calls": []}}]}, None),
        ({"choices": [{"text": "a"}, {"text": "b"}]}, "a\nb"),
        ({"choices": [{"message": {"content": [{"type": "text"}]}}]}, None),
    ],
)
def test_what_was_said(body: dict[str, object], text: str | None) -> None:
    """Whatever a backend gave."""
    assert said_in(body) == text
