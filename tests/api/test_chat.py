"""Chat and text completions, plain and streaming, through the real client."""

import json
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.api.conftest import Serve, client_of
from tests.fakes import FakeEmbedder
from tests.harness import Running, eventually, tier

ASK: Any = [{"role": "user", "content": "one two three four five six seven eight nine ten"}]


def test_a_plain_answer_says_what_it_cost(client: OpenAI) -> None:
    """Body, usage and headers agree: tier, cache result, and the price of the tokens."""
    raw = client.chat.completions.with_raw_response.create(model="auto", messages=ASK)
    answer = raw.parse()
    usage = answer.usage
    assert usage is not None
    assert answer.choices[0].message.content
    assert answer.model == "echo-small"
    assert raw.headers["x-leanserve-tier"] == "small"
    assert raw.headers["x-leanserve-cache"] == "miss"
    assert raw.headers["x-leanserve-request-id"].startswith("req-")
    expected = (usage.prompt_tokens * 1 + usage.completion_tokens * 2) / 1e6
    assert float(raw.headers["x-leanserve-cost-usd"]) == expected
    assert "route;dur=" in raw.headers["server-timing"]


def test_a_stream_says_the_same_as_a_plain_answer(client: OpenAI) -> None:
    """The joined deltas are the plain answer's text; usage comes once, at the end, only because it was asked for."""
    nocache: Any = {"x-leanserve-cache": "no-cache, no-store"}
    plain = client.chat.completions.create(model="small", messages=ASK, extra_headers=nocache)
    stream = client.chat.completions.create(
        model="small",
        messages=ASK,
        stream=True,
        stream_options={"include_usage": True},
        extra_headers=nocache,
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == plain.choices[0].message.content
    assert [chunk for chunk in chunks if chunk.usage] == chunks[-1:]
    assert chunks[-1].usage == plain.usage
    assert chunks[-1].model_dump()["leanserve"]["cost_usd"] > 0


def test_a_stream_without_include_usage_shows_none(client: OpenAI) -> None:
    """We ask the backend for usage always; the client sees it only when it asked."""
    chunks = list(client.chat.completions.create(model="small", messages=ASK, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_text_completions(client: OpenAI) -> None:
    """The older endpoint works plain and streaming."""
    plain = client.completions.create(model="small", prompt="alpha beta gamma")
    stream = client.completions.create(model="small", prompt="alpha beta delta", stream=True)
    assert plain.choices[0].text
    assert "".join(chunk.choices[0].text for chunk in stream if chunk.choices)


def test_a_repeat_is_an_exact_hit_and_free(running: Running, client: OpenAI) -> None:
    """White space and the capital that begins the sentence make no difference; the engine is not asked again."""
    first = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Tell me of rain"}])
    eventually(lambda: _stored(running))
    raw = client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": "  tell me  of rain "}]
    )
    again = raw.parse()
    assert raw.headers["x-leanserve-cache"] == "exact"
    assert raw.headers["x-leanserve-cost-usd"] == "0.000000"
    assert raw.headers["x-leanserve-tier"] == "small"
    assert again.choices[0].message.content == first.choices[0].message.content
    assert again.id != first.id
    assert running.backends["small/echo"].stats().started == 1


def test_a_hit_is_replayed_as_a_stream(running: Running, client: OpenAI) -> None:
    """What was stored from a plain answer comes back as chunks when chunks are wanted."""
    ask: Any = [{"role": "user", "content": "Tell me of snow"}]
    plain = client.chat.completions.create(model="auto", messages=ask)
    eventually(lambda: _stored(running))
    chunks = list(client.chat.completions.create(model="auto", messages=ask, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == plain.choices[0].message.content
    assert running.backends["small/echo"].stats().started == 1


def test_no_cache_and_no_store_are_obeyed(running: Running, client: OpenAI) -> None:
    """A client may be stricter than the policy: `no-store` leaves nothing behind, `no-cache` reads nothing."""
    ask: Any = [{"role": "user", "content": "Tell me of hail"}]
    for header in ("no-store", "no-cache", "no-cache"):
        client.chat.completions.create(model="auto", messages=ask, extra_headers={"x-leanserve-cache": header})
    assert running.backends["small/echo"].stats().started == 3


def test_tenants_share_no_answers(running: Running, client: OpenAI) -> None:
    """The same words of another tenant are a miss."""
    ask: Any = [{"role": "user", "content": "Tell me of fog"}]
    for tenant in ("acme", "acme}", "{acme"):
        raw = client.chat.completions.with_raw_response.create(
            model="auto",
            messages=ask,
            extra_headers={"x-leanserve-tenant": tenant},
        )
        assert raw.headers["x-leanserve-cache"] == "miss"
        eventually(lambda: _stored(running))


def test_a_truncated_answer_is_not_stored(running: Running, client: OpenAI) -> None:
    """`finish_reason: length` is half an answer: it is never replayed."""
    ask: Any = [{"role": "user", "content": "one two three four five six"}]
    for _ in range(2):
        answer = client.chat.completions.create(model="small", messages=ask, max_tokens=2)
        assert answer.choices[0].finish_reason == "length"
    assert running.backends["small/echo"].stats().started == 2


def test_hard_prompts_go_to_the_better_tier(client: OpenAI) -> None:
    """`auto` asks the router; a tier's name and a model's id do not."""
    seen = []
    for model, text in (("auto", "a hard one"), ("auto", "an easy one"), ("small", "a hard two"), ("echo-large", "z")):
        raw = client.chat.completions.with_raw_response.create(
            model=model, messages=[{"role": "user", "content": text}]
        )
        seen.append(raw.headers["x-leanserve-tier"])
    assert seen == ["large", "small", "small", "large"]


def test_several_choices_are_all_paid(client: OpenAI) -> None:
    """`n` answers cost `n` times the output."""
    one = client.chat.completions.create(model="small", messages=ASK, n=1)
    three = client.chat.completions.create(model="small", messages=ASK, n=3)
    assert one.usage is not None
    assert three.usage is not None
    assert len(three.choices) == 3
    assert three.usage.completion_tokens == 3 * one.usage.completion_tokens


def test_parameters_reach_the_backend_as_they_came(serve: Serve) -> None:
    """Tools, schemas, sampling and unknown engine parameters travel untouched; our own fields stay here."""
    from tests.fakes_backends import ScriptedBackend

    body: Any = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [], "usage": {}}
    body["choices"] = [{"index": 0, "message": {"role": "assistant", "content": "{}"}, "finish_reason": "stop"}]
    backend = ScriptedBackend("small/echo", [[[body]]])
    running = serve(backends={"small/echo": backend})
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    schema: Any = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}, "strict": True}}
    client_of(running).chat.completions.create(
        model="small",
        messages=ASK,
        temperature=0.5,
        top_p=0.9,
        seed=7,
        stop=["END"],
        logprobs=True,
        top_logprobs=3,
        tools=[tool],
        tool_choice="auto",
        response_format=schema,
        user="u1",
        metadata={"feature": "f1"},
        extra_body={"guided_choice": ["a", "b"], "min_p": 0.1},
    )
    payload = backend.calls[0].payload
    assert payload["tools"] == [tool]
    assert payload["response_format"] == schema
    assert {k: payload[k] for k in ("temperature", "top_p", "seed", "stop", "logprobs", "top_logprobs")} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["END"],
        "logprobs": True,
        "top_logprobs": 3,
    }
    assert payload["guided_choice"] == ["a", "b"]
    assert payload["min_p"] == 0.1
    assert payload["model"] == "echo-small"
    assert payload["max_tokens"] == 64
    assert not {"user", "metadata"} & set(payload)


def test_events_end_with_done(running: Running) -> None:
    """The bytes on the wire are server-sent events that end with `[DONE]`."""
    body = {"model": "small", "messages": ASK, "stream": True}
    answer = httpx.post(f"{running.url}/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    assert all(json.loads(line.removeprefix("data: "))["object"] == "chat.completion.chunk" for line in lines[:-1])


def test_a_client_that_leaves_stops_the_engine(serve: Serve) -> None:
    """Mid-stream and before the first token: the backend's generator is closed and what was produced is paid."""
    running = serve(config={"tiers": [tier("small", tokens=10_000, time_per_token_ms=5)]}, policy={})
    backend = running.backends["small/echo"]
    body = {"model": "small", "messages": ASK, "stream": True, "max_tokens": 4000}
    with httpx.stream("POST", f"{running.url}/v1/chat/completions", json=body) as answer:
        next(answer.iter_bytes())
    assert eventually(lambda: backend.stats().aborted == 1 and backend.stats().active == 0)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{running.url}/v1/chat/completions", json={**body, "stream": False}, timeout=0.3)
    assert eventually(lambda: backend.stats().aborted == 2 and backend.stats().active == 0)


def test_leaving_before_the_end_of_a_plain_answer_is_paid(serve: Serve) -> None:
    """The engine read the prompt: its tokens are booked though no usage was ever told, and nothing stays held."""
    rules = [{"tokens": 100_000, "window": "total"}]
    running = serve(config={"tiers": [tier("small", time_to_first_token_ms=5000)]}, policy={"budgets": rules})
    body = {"model": "small", "messages": ASK}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{running.url}/v1/chat/completions", json=body, timeout=0.5)

    def paid() -> bool:
        booked = "leanserve_cost_usd_total{"
        lines = httpx.get(f"{running.url}/metrics").text.splitlines()
        return any(line.startswith(booked) and float(line.rsplit(" ", 1)[1]) > 0 for line in lines)

    assert eventually(paid)


def _stored(running: Running) -> bool:
    return not running.gateway._background._tasks


def test_no_embedding_where_nothing_reads_it(serve: Serve) -> None:
    """A named tier and a prompt that is never compared by meaning: the dearest light stage is left out."""
    embedder = FakeEmbedder()
    client = client_of(serve(embedder=embedder))
    for content in ("what does `f()` return?", "one\ntwo", "word " * 400):
        client.chat.completions.create(model="small", messages=[{"role": "user", "content": content}])
    assert embedder.calls == []
    client.chat.completions.create(model="small", messages=[{"role": "user", "content": "a plain question"}])
    assert embedder.calls == [["a plain question"]]
