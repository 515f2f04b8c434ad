"""Cascades as clients see them: headers, words, log-probabilities, the bill, spans, the cache."""

import math
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.domain import Chunk
from app.errors import BackendUnreachable
from tests.api.conftest import Serve, client_of
from tests.fakes_answers import COST, answer, body, call, choice
from tests.fakes_backends import ScriptedBackend
from tests.harness import Running, eventually, tier

ASK: Any = [{"role": "user", "content": "how high is the Zugspitze?"}]
ON: dict[str, Any] = {"routing": {"cascade": {"enabled": True}}}
BETTER = [answer("2962 m")]
REFUSED = [answer("I'm sorry, but I can't help with that.")]
FRESH = {"x-leanserve-cache": "no-cache, no-store"}


def opened(serve: Serve, small: Any, large: Any = BETTER, **policy: Any) -> Running:
    """A gateway whose small tier plays `small` and whose large one plays `large`."""
    scripts = {"small/echo": small, "large/echo": large}
    backends = {name: ScriptedBackend(name, [script]) for name, script in scripts.items()}
    return serve(backends=backends, policy=policy or ON)


def called(running: Running) -> tuple[int, int]:
    return len(running.backends["small/echo"].calls), len(running.backends["large/echo"].calls)


def ask(running: Running, **options: Any) -> tuple[Any, Any]:
    """The answer and its headers."""
    options = {"model": "auto", "messages": ASK, **options}
    raw = client_of(running).chat.completions.with_raw_response.create(**options)
    return raw.parse(), raw.headers


def test_off_by_default(serve: Serve) -> None:
    """Whatever the answer looks like; the engine is asked for nothing that the client does not want."""
    running = opened(
        serve, REFUSED, prices={"small": {"input": "1", "output": "2"}, "large": {"input": 1, "output": 1}}
    )
    given, headers = ask(running)
    assert given.choices[0].message.content.startswith("I'm sorry")
    assert "x-leanserve-cascade" not in headers
    assert called(running) == (1, 0)
    assert "logprobs" not in running.backends["small/echo"].calls[0].payload


def test_a_sure_answer_is_kept(serve: Serve) -> None:
    """The large tier is not called, and what LeanServe asked the engine for is not shown."""
    running = opened(serve, [answer("2962 m", p=(0.9, 0.8))])
    given, headers = ask(running)
    assert headers["x-leanserve-cascade"] == "kept"
    assert headers["x-leanserve-tier"] == "small"
    assert float(headers["x-leanserve-cost-usd"]) == COST["small"] / 1e6
    assert given.choices[0].logprobs is None
    assert called(running) == (1, 0)
    assert running.backends["small/echo"].calls[0].payload["logprobs"] is True


def test_a_client_that_asked_sees_log_probabilities(serve: Serve) -> None:
    """Its own wish reaches the engine untouched and is answered, whichever tier answers."""
    running = opened(serve, [answer("2962 m", p=(0.9,))])
    given, headers = ask(running, logprobs=True, top_logprobs=3)
    assert headers["x-leanserve-cascade"] == "kept"
    assert given.choices[0].logprobs.content[0].logprob < 0
    assert running.backends["small/echo"].calls[0].payload["top_logprobs"] == 3
    unsure = opened(serve, [answer("7 m", p=(0.2,))], [answer("2962 m", p=(0.99,))])
    given, headers = ask(unsure, logprobs=True)
    assert headers["x-leanserve-cascade"] == "escalated:confidence"
    assert given.choices[0].logprobs.content[0].logprob == pytest.approx(math.log(0.99))


SCHEMA: Any = {
    "type": "json_schema",
    "json_schema": {"name": "s", "schema": {"type": "object", "required": ["metres"]}},
}
TOOL: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("reason", "small", "asked"),
    [
        ("confidence", answer("7 m", p=(0.3, 0.6)), {}),
        ("refusal", REFUSED[0], {}),
        ("refusal", answer(None, refusal="No."), {}),
        ("refusal", answer("so", finish="content_filter"), {}),
        ("empty", answer(""), {}),
        ("truncated", answer("It is the", finish="length"), {}),
        ("structure", answer("2962 m"), {"response_format": {"type": "json_object"}}),
        ("structure", answer('{"feet": 9718}'), {"response_format": SCHEMA}),
        ("structure", answer(None, tool_calls=[call("{metres")], finish="tool_calls"), {"tools": [TOOL]}),
        ("refusal", [body(choice("2962 m"), choice("I cannot answer that."))], {"n": 2}),
    ],
)
def test_an_unsure_answer_is_given_by_the_better_tier(
    serve: Serve, reason: str, small: list[Chunk], asked: dict[str, Any]
) -> None:
    """One answer, of the large tier; the client pays for both and is told why; so are spans and metrics."""
    running = opened(serve, [small])
    given, headers = ask(running, **asked)
    assert given.choices[0].message.content == "2962 m"
    assert headers["x-leanserve-cascade"] == f"escalated:{reason}"
    assert headers["x-leanserve-tier"] == "large"
    assert float(headers["x-leanserve-cost-usd"]) == (COST["small"] + COST["large"]) / 1e6
    assert given.model_dump()["leanserve"]["cost_usd"] == float(headers["x-leanserve-cost-usd"])
    assert called(running) == (1, 1)
    assert "logprobs" not in running.backends["large/echo"].calls[0].payload
    first, second, request = (
        _attributes(running, name) for name in ("chat echo-small", "chat echo-large", "chat auto")
    )
    assert first["leanserve.attempt.outcome"] == second["leanserve.attempt.outcome"] == "success"
    assert first["leanserve.attempt.cause"] == f"unsure_{reason}"
    assert "leanserve.attempt.cause" not in second
    assert request["leanserve.cascade"] == f"escalated:{reason}"
    assert request["leanserve.tier"] == "large"
    assert _counted(running) == [({"tier": "small", "result": "escalated", "doubt": reason}, 1.0)]


def _attributes(running: Running, name: str) -> dict[str, Any]:
    [found] = [span for span in running.spans.get_finished_spans() if span.name == name]
    return dict(found.attributes or {})


def _counted(running: Running) -> list[tuple[dict[str, str], float]]:
    families = text_string_to_metric_families(httpx.get(f"{running.url}/metrics").text)
    found = [sample for family in families for sample in family.samples if sample.name == "leanserve_cascades_total"]
    return [({k: v for k, v in each.labels.items() if k != "replica"}, each.value) for each in found]


def test_who_named_a_tier_or_a_model_gets_it(serve: Serve) -> None:
    """A wish is no guess of ours: nothing to correct."""
    running = opened(serve, REFUSED)
    for model in ("small", "echo-small"):
        _, headers = ask(running, model=model, extra_headers=FRESH)
        assert headers["x-leanserve-tier"] == "small"
        assert "x-leanserve-cascade" not in headers
    assert called(running) == (2, 0)
    assert "logprobs" not in running.backends["small/echo"].calls[0].payload


def test_the_best_tiers_answer_is_simply_given(serve: Serve) -> None:
    """There is nobody to ask."""
    running = opened(serve, BETTER, REFUSED)
    given, headers = ask(running, messages=[{"role": "user", "content": "a hard one"}])
    assert given.choices[0].message.content.startswith("I'm sorry")
    assert "x-leanserve-cascade" not in headers
    assert called(running) == (0, 1)


def test_an_escalation_that_fails_is_no_error(serve: Serve) -> None:
    """The first answer is given, said to be unsure, and not kept for others."""
    running = opened(serve, REFUSED, [BackendUnreachable("gone")])
    for times in (1, 2):
        given, headers = ask(running)
        assert given.choices[0].message.content.startswith("I'm sorry")
        assert headers["x-leanserve-cascade"] == "kept:refusal"
        assert headers["x-leanserve-tier"] == "small"
        assert float(headers["x-leanserve-cost-usd"]) == COST["small"] / 1e6
        assert called(running) == (times, times)
    assert _attributes_of_last(running, "chat auto")["gen_ai.response.model"] == "echo-small"


def _attributes_of_last(running: Running, name: str) -> dict[str, Any]:
    return dict([span for span in running.spans.get_finished_spans() if span.name == name][-1].attributes or {})


def test_what_was_given_is_cached(serve: Serve) -> None:
    """The better tier's words, without log-probabilities, also for a stream; nobody is called again."""
    running = opened(serve, [answer("7 m", p=(0.1,))])
    ask(running)
    assert eventually(lambda: ask(running)[1]["x-leanserve-cache"] == "exact")
    given, headers = ask(running)
    assert given.choices[0].message.content == "2962 m"
    assert headers["x-leanserve-tier"] == "large"
    assert "x-leanserve-cascade" not in headers
    stream = client_of(running).chat.completions.create(model="auto", messages=ASK, stream=True)
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "2962 m"
    assert all(chunk.choices[0].logprobs is None for chunk in chunks)
    assert called(running) == (1, 1)


def test_text_completions_cascade_too(serve: Serve) -> None:
    """The older endpoint keeps its log-probabilities elsewhere."""
    told = {"tokens": ["x"], "token_logprobs": [-3.0], "top_logprobs": [None], "text_offset": [0]}
    said = {"index": 0, "text": "x", "logprobs": told, "finish_reason": "stop"}
    small = {"id": "x", "object": "text_completion", "created": 1, "model": "m", "choices": [said]}
    large = {**small, "choices": [{**said, "text": "y", "logprobs": None}]}
    running = opened(serve, [[small]], [[large]])
    raw = client_of(running).completions.with_raw_response.create(model="auto", prompt="say y")
    assert raw.headers["x-leanserve-cascade"] == "escalated:confidence"
    assert raw.parse().choices[0].text == "y"
    assert running.backends["small/echo"].calls[0].payload["logprobs"] == 0


def test_a_middle_tier_that_stood_in_escalates_to_the_next(serve: Serve) -> None:
    """Small is away and medium answers unsurely: large is asked, small never again."""
    scripts: dict[str, Any] = {"small": [BackendUnreachable("gone")], "medium": REFUSED, "large": BETTER}
    backends = {f"{name}/echo": ScriptedBackend(f"{name}/echo", [script]) for name, script in scripts.items()}
    prices = {name: {"input": "1", "output": "1"} for name in scripts}
    running = serve(backends=backends, policy={**ON, "prices": prices}, config={"tiers": [tier(n) for n in scripts]})
    given, headers = ask(running)
    assert given.choices[0].message.content == "2962 m"
    assert headers["x-leanserve-cascade"] == "escalated:refusal"
    assert [len(each.calls) for each in backends.values()] == [1, 1, 1]
