"""What is cached, for whom, and what never is: the real client, real HTTP, real Redis."""

from collections.abc import Sequence
from typing import Any

import httpx
import openai
import pytest

from app.domain import Chunk
from app.errors import BackendUnavailable
from tests.api.shop import QUESTION, OneVector, OpenShop, Shop, alike
from tests.fakes import FakeVerifier
from tests.fakes_backends import ScriptedBackend, Step, text
from tests.harness import eventually, tier


@pytest.mark.parametrize(
    ("reason", "text", "options"),
    [
        ("temperature", QUESTION, {"temperature": 1.5}),
        ("n", QUESTION, {"n": 2}),
        ("logprobs", QUESTION, {"logprobs": True}),
        ("about_now", "What is the weather in Rome today?", {}),
        ("about_asker", "Where is my order?", {}),
    ],
)
def test_what_is_never_cached(shop: Shop, reason: str, text: str, options: Any) -> None:
    """Neither looked up nor kept, and the client is told why."""
    for _ in range(2):
        headers = shop.ask(text, **options).headers
        assert (headers["x-leanserve-cache"], headers["x-leanserve-cache-reason"]) == ("bypass", reason)
    assert shop.idle()
    assert shop.entries() == []
    assert shop.calls == 2
    assert shop.spans("bypass")[-1]["leanserve.cache.reason"] == reason


@pytest.mark.parametrize(
    "options",
    [
        {"seed": 7},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
        {"response_format": {"type": "json_object"}},
    ],
)
def test_what_is_cached_for_the_very_same_request(near: Shop, options: Any) -> None:
    """Its own repetition hits; one that asks the same misses, and does not meet it the other way round."""
    near.keep(**options)
    assert near.result(**options) == "exact"
    assert near.result("Speak about rain", cache="no-store", **options) == "miss"
    assert list(near.admin.scan_iter("*:cache:vectors:*")) == []


def test_with_the_scope_user_nobody_meets_anothers_answers(open_shop: OpenShop) -> None:
    """Ann's are Ann's, by her words and by their meaning; who names no user is not served from the cache."""
    shop = open_shop(embedder=OneVector(), verifier=FakeVerifier(alike), policy={"cache": {"scope": "user"}})
    ann, bob = {"x-leanserve-user": "ann"}, {"x-leanserve-user": "bob"}
    shop.keep("Where is my order of rain", headers=ann)
    assert shop.result("Where is my order of rain", headers=ann) == "exact"
    assert shop.result("I ask for my rain", headers=ann) == "semantic"
    for other in ("Where is my order of rain", "I ask for my rain"):
        assert shop.result(other, headers=bob, cache="no-store") == "miss"
    assert shop.result("I ask for my rain", user="ann") == "semantic"
    headers = shop.ask("Where is my order of rain").headers
    assert (headers["x-leanserve-cache"], headers["x-leanserve-cache-reason"]) == ("bypass", "no_user")


def test_another_policy_version_meets_nothing_of_the_old(shop: Shop) -> None:
    """The operator's own word for a fresh start."""
    shop.keep()
    policy = shop.running.gateway.policy
    shop.running.gateway.reconfigure(policy.model_copy(update={"version": "2"}))
    assert shop.result(cache="no-store") == "miss"
    shop.running.gateway.reconfigure(policy)
    assert shop.result() == "exact"


def end(reason: str | None, **delta: Any) -> list[Chunk]:
    """The last chunk of a stream, and its usage."""
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return [{"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}, {"choices": [], "usage": usage}]


@pytest.mark.parametrize(
    "script",
    [
        [[text("half an ans")], end("length")],
        [[text("some words")], end("content_filter")],
        [[text("some words")], end("abort")],
        [[text("some words")], end(None)],
        [[text("some words")], end("stop", refusal="I won't go on")],
        [[text("some words")], [{"error": {"message": "boom", "code": 500}}], end("stop")],
        [[text("some words")], BackendUnavailable("gone")],
        [[text("some words")], RuntimeError("a bug")],
    ],
    ids=["cut", "filtered", "aborted", "unended", "refused", "error chunk", "failed", "crashed"],
)
def test_only_whole_answers_are_kept(open_shop: OpenShop, script: Sequence[Step]) -> None:
    """Cut, filtered, refused, failed: the next one who asks is answered anew."""
    backend = ScriptedBackend("small/echo", [script])
    shop = open_shop(backends={"small/echo": backend}, policy={"attempts": {"breaker_failures": 100}})
    body = {"model": "echo-small", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
    for asked in (1, 2):
        answer = httpx.post(f"{shop.running.url}/v1/chat/completions", json=body)
        assert answer.headers["x-leanserve-cache"] == "miss"
        assert shop.idle()
        assert shop.entries() == []
        assert len(backend.calls) == asked


def test_what_a_client_left_is_not_kept(open_shop: OpenShop) -> None:
    """The engine was stopped in the middle."""
    shop = open_shop(config={"tiers": [tier("small", tokens=10_000, time_per_token_ms=5)]}, policy={})
    body = {"model": "small", "messages": [{"role": "user", "content": QUESTION}], "stream": True, "max_tokens": 4000}
    with httpx.stream("POST", f"{shop.running.url}/v1/chat/completions", json=body) as answer:
        next(answer.iter_bytes())
    assert eventually(lambda: bool(shop.running.backends["small/echo"].stats().aborted))
    assert shop.idle()
    assert shop.entries() == []


def test_what_a_limit_refused_is_not_kept(open_shop: OpenShop) -> None:
    """No answer was made."""
    shop = open_shop(policy={"budgets": [{"tokens": 4, "window": "total"}]})
    with pytest.raises(openai.RateLimitError):
        shop.ask()
    assert shop.idle()
    assert shop.entries() == []


def test_whole_answers_are_kept(open_shop: OpenShop) -> None:
    """The same script with a sound end is."""
    backend = ScriptedBackend("small/echo", [[[text("some words")], end("stop")]])
    shop = open_shop(backends={"small/echo": backend})
    shop.keep(stream=True)
