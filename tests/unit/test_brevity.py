"""Questions that say how long their answer is get so much and no more, where the policy has it."""

from dataclasses import replace
from typing import Any

import pytest

from app.brevity import shortened
from app.config.output import OutputPolicy
from app.domain import LARGE_BODY_BYTES
from app.ledger.brief import WORD
from tests.unit.route.made import request

POLICY = OutputPolicy(brief_times=4, brief_grace=16)
CAP = 4 * WORD + 16
ASKED = "Does the sun rise in the east? Answer yes or no."


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, {"max_tokens": CAP}),
        ({"max_tokens": 500}, {"max_tokens": CAP}),
        ({"max_tokens": 10}, {"max_tokens": 10}),
        ({"max_completion_tokens": 500}, {"max_completion_tokens": CAP}),
        ({"max_completion_tokens": None}, {"max_completion_tokens": None, "max_tokens": CAP}),
        ({"max_tokens": "500"}, {"max_tokens": "500"}),
        ({"max_tokens": True}, {"max_tokens": True}),
        ({"max_tokens": -1}, {"max_tokens": -1}),
        ({"n": 2}, {}),
        ({"response_format": {"type": "json_object"}}, {}),
    ],
)
def test_the_maximum_of_a_short_question(said: dict[str, Any], found: dict[str, Any]) -> None:
    """In the field that the client used; one that is lower stays, and what has a form of its own is let be."""
    payload = shortened(request(ASKED, **said), POLICY).payload
    assert {name: value for name, value in payload.items() if name.startswith("max_")} == found


def test_who_is_let_be() -> None:
    """Without the policy everybody; with it who asks for more, and who sends a book along."""
    short, long = request(ASKED), request("Explain why the sun rises in the east.")
    book = replace(short, body_bytes=LARGE_BODY_BYTES + 1)
    assert shortened(short, OutputPolicy()) is short
    assert shortened(long, POLICY) is long
    assert shortened(book, POLICY) is book
