"""The client's own maximum of output tokens, and odd bodies: what is reserved, sent and refused."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import Serve, client_of
from tests.harness import Running, tier

ODD = [True, 0, -5, 2.5, "7", [], {}]
CHAT, TEXT = "/v1/chat/completions", "/v1/completions"


def post(running: Running, path: str = CHAT, **options: Any) -> httpx.Response:
    said: dict[str, Any] = {"prompt": "hi"} if path == TEXT else {"messages": [{"role": "user", "content": "hi"}]}
    return httpx.post(f"{running.url}{path}", json={"model": "small", **said, **options})


def test_a_field_that_does_not_count_makes_no_reservation_small(serve: Serve) -> None:
    """A prompt of a word and 3,000 wanted tokens fit into no 100, whatever else is said: the answer ends there."""
    running = serve(config={"tiers": [tier("small", tokens=3000)]}, policy={"budgets": [{"tokens": 106}]})
    cut = post(running, TEXT, max_tokens=3000, max_completion_tokens=1)
    assert (cut.json()["usage"]["completion_tokens"], cut.headers["x-leanserve-stopped"]) == (105, "budget_exceeded")
    running = serve(policy={"budgets": [{"tokens": 1000}]})
    assert post(running, TEXT, max_tokens=5, max_completion_tokens=3000).json()["usage"]["completion_tokens"] == 5


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_maximum_is_refused_or_ignored(running: Running, odd: Any) -> None:
    """Where the field counts, with 400 and its name; elsewhere it is as if unsaid."""
    for path, field in ((CHAT, "max_tokens"), (CHAT, "max_completion_tokens"), (TEXT, "max_tokens")):
        answer = post(running, path, **{field: odd})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)
    assert post(running, TEXT, max_completion_tokens=odd).status_code == 200


def test_a_type_that_is_no_text_is_no_fault(running: Running) -> None:
    """Content parts travel unread to the engine."""
    answer = post(running, messages=[{"role": "user", "content": [{"type": []}, {"type": "text", "text": "hi"}]}])
    assert answer.status_code == 200, answer.text


def test_a_short_question_is_answered_shortly(serve: Serve) -> None:
    """Where its feature's policy has it so: yes or no gets some words, whatever the model would say."""
    features = {"votes": {"output": {"brief_times": 2, "brief_grace": 4}}}
    tiers = [{**tier("small", tokens=60), "max_output_tokens": 64}]
    running = serve(policy={"features": features}, config={"tiers": tiers})
    asked: Any = {"model": "small", "messages": [{"role": "user", "content": "Is it so? Answer yes or no."}]}
    lengths = {}
    for feature in ("votes", "faq"):
        answer = client_of(running).chat.completions.create(**asked, extra_headers={"x-leanserve-feature": feature})
        assert answer.usage
        lengths[feature] = answer.usage.completion_tokens
    assert lengths == {"votes": 20, "faq": 60}
