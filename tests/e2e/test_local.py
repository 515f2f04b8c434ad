"""What a newcomer does, on the real thing: `model="auto"` over two real models, one real Redis, the real client."""

import json
import time
from typing import Any

import httpx
import openai
import psutil
import pytest

from tests.serve.conftest import LOCAL, Cluster
from tests.serve.test_graph import ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HARD = (
    "Write a Python function that finds the longest path in a weighted directed acyclic graph, prove its "
    "correctness by induction on the topological order, and derive its time and memory complexity for dense and "
    "sparse graphs."
)
FRESH = {"x-leanserve-cache": "no-cache, no-store"}


def test_an_answer_its_repeat_and_its_paraphrase(local: Cluster) -> None:
    """A real answer with a price, then the same for nothing: exact, and by meaning."""
    first = ask(local, "What is the capital of France?", temperature=0)
    answer = first.parse()
    assert "Paris" in answer.choices[0].message.content
    assert first.headers["x-leanserve-tier"] == "small"
    assert answer.model == "SmolLM2-135M-Instruct"
    assert float(first.headers["x-leanserve-cost-usd"]) > 0
    assert until(
        lambda: ask(local, "what is the  capital of France?", temperature=0).headers["x-leanserve-cache"] == "exact"
    )
    paraphrase = ask(local, "What's the capital of France?", temperature=0)
    assert paraphrase.headers["x-leanserve-cache"] == "semantic"
    assert paraphrase.headers["x-leanserve-cost-usd"] == "0.000000"
    assert paraphrase.parse().choices[0].message.content == answer.choices[0].message.content


def test_a_hard_prompt_goes_to_large(local: Cluster) -> None:
    """The router sends it to the better model, which answers."""
    answer = ask(local, HARD, max_tokens=16, extra_headers=FRESH)
    assert answer.headers["x-leanserve-tier"] == "large"
    assert answer.parse().model == "Qwen2.5-Coder-0.5B-Instruct"


@pytest.mark.parametrize("stream", [False, True])
def test_the_engine_tells_what_its_prefix_cache_spared(local: Cluster, stream: bool) -> None:
    """Of a long system prompt that it read before: `cached_input` is what it costs then."""
    system = {"role": "system", "content": f"You answer with one word. Stream: {stream}. " * 40}
    found = []
    for city in ("Paris", "Rome"):
        messages: Any = [system, {"role": "user", "content": f"In which country is {city}?"}]
        options: dict[str, Any] = {"model": "small", "max_tokens": 4, "extra_headers": FRESH}
        if stream:
            options |= {"stream": True, "stream_options": {"include_usage": True}}
        answer = local.client().chat.completions.create(messages=messages, **options)
        usage = [chunk.usage for chunk in answer if chunk.usage][-1] if stream else answer.usage
        found.append(usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else 0)
    assert found[1] > 128


def test_a_limit_is_a_hard_stop(local: Cluster) -> None:
    """429 before anything is called, once the tenant's tokens are gone."""
    headers = {**FRESH, "x-leanserve-tenant": "tiny"}
    spent: list[int] = []

    def spend() -> None:
        for _ in range(20):
            answer = ask(local, "Count to ten.", max_tokens=40, model="small", extra_headers=headers)
            spent.append(answer.parse().usage.total_tokens)

    with pytest.raises(openai.RateLimitError) as refused:
        spend()
    assert refused.value.code == "budget_exceeded"
    assert 0 < sum(spent) <= 400


def test_a_stream_comes_token_by_token_and_says_its_cost(local: Cluster) -> None:
    """The stream has many chunks, equal seeds give equal text, and the end says what it cost."""
    texts = []
    for _ in range(2):
        stream = local.client().chat.completions.create(
            model="small",
            messages=[{"role": "user", "content": "Tell me a short story about a fox."}],
            stream=True,
            stream_options={"include_usage": True},
            max_tokens=32,
            seed=7,
            temperature=0.8,
            extra_headers=FRESH,
        )
        chunks = list(stream)
        texts.append("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))
    assert texts[0] == texts[1]
    assert len(chunks) > 8
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 32
    assert chunks[-1].model_dump()["leanserve"]["cost_usd"] > 0


def test_a_json_schema_is_met(local: Cluster) -> None:
    """Structured output reaches the engine: whatever the small model thinks, the answer is of the schema."""
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}, "people": {"type": "integer"}},
        "required": ["city", "people"],
        "additionalProperties": False,
    }
    answer = ask(
        local,
        "Name a city and how many people live there, as JSON.",
        model="large",
        max_tokens=60,
        temperature=0,
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": schema, "strict": True}},
        extra_headers=FRESH,
    ).parse()
    found = json.loads(answer.choices[0].message.content)
    assert set(found) == {"city", "people"}
    assert isinstance(found["people"], int)


def test_a_tool_is_called(local: Cluster) -> None:
    """A forced tool call comes back as one, with arguments that are JSON."""
    tool = {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string", "maxLength": 20}},
                "required": ["city"],
            },
        },
    }
    choice = {"type": "function", "function": {"name": "get_weather"}}
    options: dict[str, Any] = {"tools": [tool], "tool_choice": choice, "max_tokens": 60, "temperature": 0}
    answer = ask(local, "What is the weather in Rome?", model="large", extra_headers=FRESH, **options).parse()
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert "city" in json.loads(call.function.arguments)


def test_choices_stops_and_logprobs(local: Cluster) -> None:
    """`n`, `stop` and `logprobs` come back unharmed."""
    answer = ask(
        local,
        "Say: red, green, blue.",
        model="small",
        n=2,
        stop=[","],
        logprobs=True,
        top_logprobs=2,
        max_tokens=20,
        extra_headers=FRESH,
    ).parse()
    assert len(answer.choices) == 2
    for each in answer.choices:
        assert "," not in each.message.content
        assert len(each.logprobs.content[0].top_logprobs) == 2


def test_text_completions(local: Cluster) -> None:
    """The older endpoint, on the real engine."""
    answer = local.client().completions.create(model="small", prompt="Once upon a time", max_tokens=8)
    assert answer.choices[0].text
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8


def test_the_engines_own_refusal_is_the_clients_error(local: Cluster) -> None:
    """A prompt longer than the context is a 400 in OpenAI's shape, and no breaker opens for it."""
    for _ in range(7):
        with pytest.raises(openai.BadRequestError) as refused:
            ask(local, "word " * 3000, model="SmolLM2-135M-Instruct", extra_headers=FRESH)
    assert "context" in refused.value.message
    assert ask(local, "Say hi.", model="small", max_tokens=4, extra_headers=FRESH).status_code == 200


def test_a_client_that_leaves_stops_the_engine(local: Cluster) -> None:
    """Seconds after the client left, the engine computes nothing any more: what nobody reads costs nothing."""
    engines = _engines(local)
    assert engines
    body = {"model": "small", "messages": [{"role": "user", "content": "Write a long story."}], "stream": True}
    extra = {"max_tokens": 1800, "ignore_eos": True}
    with httpx.stream(
        "POST", f"{local.url}/v1/chat/completions", json={**body, **extra}, headers=FRESH | LOCAL
    ) as answer:
        chunks = answer.iter_bytes()
        for _ in range(3):
            next(chunks)
        busy = _cpu_seconds(engines, 1.0)
    assert busy > 0.2
    assert until(lambda: _cpu_seconds(engines, 1.0) < busy / 4, 10)


def _engines(local: Cluster) -> list[psutil.Process]:
    """The engines' processes below the launcher; vLLM titles them `VLLM::EngineCore` and `VLLM::Worker`."""
    below = psutil.Process(local.process.pid).children(recursive=True)
    return [process for process in below if "VLLM::" in " ".join(process.cmdline()) + process.name()]


def _cpu_seconds(processes: list[psutil.Process], for_s: float) -> float:
    def used() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    before = used()
    time.sleep(for_s)
    return used() - before
