"""What a backend is sent of what a client said."""

from typing import Any

import pytest

from app.domain import GatewayRequest, Operation
from app.wire import backend_payload

BOTH = {"max_completion_tokens": 50, "max_tokens": 900}


def maxima(operation: Operation, cap: int, **payload: Any) -> dict[str, Any]:
    sent = backend_payload(GatewayRequest("r", operation, {"model": "auto", **payload}), "theirs", cap)
    return {name: value for name, value in sent.items() if name.startswith("max_")}


@pytest.mark.parametrize(
    ("payload", "cap", "sent"),
    [
        ({}, 64, {"max_tokens": 64}),
        ({"max_tokens": 7}, 64, {"max_tokens": 7}),
        ({"max_tokens": 900}, 64, {"max_tokens": 64}),
        ({"max_completion_tokens": 900}, 64, {"max_completion_tokens": 64}),
        ({"max_completion_tokens": None, "max_tokens": 900}, 64, {"max_tokens": 64}),
        (BOTH, 64, {"max_completion_tokens": 50, "max_tokens": 50}),
        (BOTH, 10, {"max_completion_tokens": 10, "max_tokens": 10}),
        ({"max_tokens": -5}, 64, {"max_tokens": 64}),
    ],
)
def test_a_chat_never_gets_more_than_its_cap(payload: dict[str, Any], cap: int, sent: dict[str, int]) -> None:
    """In the fields that the client used: a stand-in with a longer context produces no more than was reserved."""
    assert maxima("chat", cap, **payload) == sent


@pytest.mark.parametrize(
    ("payload", "sent"), [(BOTH, 64), ({"max_completion_tokens": 5}, 64), ({"max_tokens": 5}, 5), ({}, 64)]
)
def test_a_text_completion_is_told_its_maximum_once(payload: dict[str, Any], sent: int) -> None:
    """The field that does not count there is not sent."""
    assert maxima("text_completion", 64, **payload) == {"max_tokens": sent}


def test_the_rest_travels_as_it_came() -> None:
    """But for our own fields, and those that say nothing."""
    request = GatewayRequest("r", "chat", {"model": "auto", "top_k": 3, "user": "u", "stop": None, "messages": []})
    assert backend_payload(request, "theirs", 8) == {"model": "theirs", "top_k": 3, "messages": [], "max_tokens": 8}
