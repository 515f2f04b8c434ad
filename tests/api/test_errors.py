"""Every fault has OpenAI's shape and the right status, and changes nothing."""

import json
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.api.conftest import Serve, client_of
from tests.harness import Running

ASK: Any = [{"role": "user", "content": "hello"}]


def post(running: Running, body: Any, **options: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{running.url}/v1/chat/completions", content=content, **options)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"{", 400, None),
        (b"\xff\xfe", 400, None),
        (b"[]", 400, None),
        (b"[" * 100_000, 400, None),
        (b'{"model":"small","messages":' + b"[" * 50_000 + b"]" * 50_000 + b"}", 400, None),
        (
            b'{"model":"small","messages":[{"role":"user","content":"x"}],"z":' + b'{"a":' * 900 + b"1" + b"}" * 901,
            400,
            None,
        ),
        ({"messages": ASK}, 400, "model"),
        ({"model": "small", "messages": ASK, "stop": ["x"] * 1000}, 400, "stop"),
        ({"model": "small"}, 400, "messages"),
        ({"model": "small", "messages": []}, 400, "messages"),
        ({"model": "small", "messages": [{"role": "king", "content": "x"}]}, 400, "messages"),
        ({"model": "small", "messages": ASK, "temperature": "hot"}, 400, "temperature"),
        ({"model": "small", "messages": ASK, "temperature": 3}, 400, "temperature"),
        ({"model": "small", "messages": ASK, "max_tokens": 0}, 400, "max_tokens"),
        ({"model": "small", "messages": ASK, "n": 0}, 400, "n"),
        ({"model": "small", "messages": ASK, "stream": "yes"}, 400, "stream"),
        ({"model": "small", "messages": ASK, "metadata": {"feature": 5}}, 400, "metadata"),
        ({"model": "small", "messages": ASK, "user": "x" * 5000}, 400, "user"),
        ({"model": "none-such", "messages": ASK}, 404, "model"),
    ],
)
def test_bad_input(running: Running, body: Any, status: int, param: str | None) -> None:
    """A clear error in OpenAI's format; no backend is called."""
    answer = post(running, body)
    error = answer.json()["error"]
    assert answer.status_code == status
    assert error["type"] == "invalid_request_error"
    assert set(error) == {"message", "type", "param", "code"}
    if param:
        assert error["param"] == param
    assert running.backends["small/echo"].stats().started == 0


@pytest.mark.parametrize("path", ["chat/completions", "completions", "route", "embeddings"])
@pytest.mark.parametrize("levels", [99, 100, 500, 900, 989])
def test_a_body_may_be_nested_so_deeply_and_no_more(running: Running, path: str, levels: int) -> None:
    """What one stage can read, and another could not, is refused by all; a hundred levels are enough for anybody."""
    start = b'{"model":"small","messages":[{"role":"user","content":"x"}],"prompt":"x","input":"x","z":'
    content = start + b'{"a":' * (levels - 1) + b"1" + b"}" * levels
    answer = httpx.post(f"{running.url}/v1/{path}", content=content)
    assert (answer.status_code == 400 and "too deeply" in answer.text) is (levels > 100), answer.text
    assert answer.status_code < 500


def test_of_a_union_the_fault_is_told_that_says_most(running: Running) -> None:
    """Not that the list is no text."""
    error = post(running, {"model": "small", "messages": ASK, "stop": ["x"] * 1000}).json()["error"]
    assert error["message"].startswith("stop: List should have at most")


def test_an_error_never_quotes_the_prompt(running: Running) -> None:
    """What the client said is not in the message."""
    answer = post(running, {"model": "small", "messages": [{"role": "user", "content": {"secret": "hunter2"}}]})
    assert answer.status_code == 400
    assert "hunter2" not in answer.text


def test_a_large_body_is_refused_before_it_is_parsed(serve: Serve) -> None:
    """By its declared length, and by its real one when it declares none."""
    running = serve(config={"limits": {"max_body_bytes": 1000}})
    assert post(running, b"{" + b" " * 2000).json()["error"]["code"] == "body_too_large"
    chunked = httpx.post(f"{running.url}/v1/chat/completions", content=iter([b"x" * 600, b"x" * 600]))
    assert chunked.status_code == 413


def test_unknown_paths_and_methods(running: Running) -> None:
    """Even these have OpenAI's shape."""
    assert httpx.get(f"{running.url}/v1/nothing").json()["error"]["type"] == "invalid_request_error"
    answer = httpx.get(f"{running.url}/v1/chat/completions")
    assert answer.status_code == 405
    assert answer.json()["error"]["message"]


def test_the_client_raises_its_own_errors(client: OpenAI) -> None:
    """The official client recognizes status and code."""
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="nope", messages=ASK)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="small", messages=ASK, temperature=9)


def test_over_the_limit_nothing_is_called(serve: Serve) -> None:
    """429 `budget_exceeded`, with the scope and the window; other features go on."""
    running = serve(policy={"budgets": [{"feature": "*", "tokens": 250, "window": "day"}]})
    client = client_of(running)
    with pytest.raises(openai.RateLimitError) as refused:
        _ask_many(client, 30)
    started = running.backends["small/echo"].stats().started
    assert refused.value.code == "budget_exceeded"
    assert refused.value.type == "insufficient_quota"
    assert "tenant=default,feature=faq may spend 250 tokens per day" in refused.value.message
    assert int(refused.value.response.headers["retry-after"]) > 0
    assert 1 <= started < 30
    client.chat.completions.create(model="small", messages=ASK, extra_headers={"x-leanserve-feature": "other"})


def test_a_request_larger_than_the_whole_limit_is_not_told_to_retry(serve: Serve) -> None:
    """`Retry-After` only where a retry can help."""
    running = serve(policy={"budgets": [{"tokens": 1, "window": "day"}]})
    answer = post(running, {"model": "small", "messages": ASK})
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers


def test_keys_decide_the_tenant(serve: Serve) -> None:
    """With keys: none or a wrong one is 401; a right one is its tenant's and no other's."""
    running = serve(keys="acme:sk-1,other:sk-2")
    body = {"model": "small", "messages": ASK}
    assert post(running, body).status_code == 401
    assert post(running, body, headers={"authorization": "Bearer wrong"}).json()["error"]["code"] == "invalid_api_key"
    good = {"authorization": "Bearer sk-1"}
    assert post(running, body, headers=good).status_code == 200
    assert post(running, body, headers={**good, "x-leanserve-tenant": "other"}).status_code == 403


def test_a_dead_redis_closes_the_budget_and_not_the_process(serve: Serve, tmp_path: Any) -> None:
    """Redis away: 503 with Retry-After where limits are set; alive, and not ready."""
    from app.store.embedded import EmbeddedRedis
    from tests.harness import Setup, serving

    with EmbeddedRedis(tmp_path / "own") as redis:
        setup = Setup(redis.url, policy={"budgets": [{"tokens": 100000, "window": "day"}]})
        with serving(setup) as running:
            assert post(running, {"model": "small", "messages": ASK}).status_code == 200
            redis.stop()
            answer = post(running, {"model": "small", "messages": [{"role": "user", "content": "other"}]})
            assert answer.status_code == 503
            assert answer.json()["error"]["code"] == "store_unavailable"
            assert httpx.get(f"{running.url}/health").status_code == 200
            ready = httpx.get(f"{running.url}/ready")
            assert ready.status_code == 503
            assert ready.json()["parts"]["redis"] is False


def _ask_many(client: OpenAI, times: int) -> None:
    for i in range(times):
        ask: Any = [{"role": "user", "content": f"question {i}"}]
        client.chat.completions.create(model="small", messages=ask, extra_headers={"x-leanserve-feature": "faq"})
