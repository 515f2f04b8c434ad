"""The spans of one request: who is whose child, what each says, and how each ended."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from app.domain import CacheHit, RouteDecision, Usage
from app.errors import BackendRejected, BackendTimeout
from app.journey import AttemptOutcome, Journey
from app.observe.trace import RequestTrace

if TYPE_CHECKING:
    from tests.unit.observe.conftest import Bench


def fail(observed: RequestTrace, error: BaseException, usage: Usage, cause: str = "") -> None:
    with observed.stage("answer"), observed.attempt("small", "small/vllm", "smollm") as record:
        record.usage, record.cause = usage, cause
        raise error


def answer(bench: "Bench", journey: Journey) -> None:
    """A request that is normalized, routed and answered by `small` at the second attempt."""
    with bench.telemetry.request(journey, bench.pricing.cost) as observed:
        with observed.stage("normalize"):
            bench.clock.now += 0.02
        journey.cache, journey.decision = "miss", RouteDecision("small", 0.25, "below 0.3")
        with pytest.raises(BackendTimeout):
            fail(observed, BackendTimeout("too slow"), Usage(100, 0, 0))
        with observed.attempt("small", "small/openai-2", "smollm") as record:
            bench.clock.now += 0.5
            observed.first_chunk()
            record.first_chunk_s, record.usage = 0.5, Usage(100, 40, 10)
            observed.price(record)
            assert record.cost == 60 + 20 + 20
            record.usage = Usage(100, 40, 11)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_the_tree(bench: "Bench", journey: Journey) -> None:
    """One server span under the caller's; stages are internal and attempts client children of it."""
    answer(bench, journey)
    request = bench.span("chat auto")
    assert request.kind is SpanKind.SERVER
    assert request.parent is not None
    assert request.parent.span_id == 0xB7AD6B7169203331
    assert request.context.trace_id == 0x0AF7651916CD43DD8448EB211C80319C
    children = [span for span in bench.exporter.get_finished_spans() if span is not request]
    assert [(span.name, span.kind) for span in children] == [
        ("leanserve.normalize", SpanKind.INTERNAL),
        ("chat smollm", SpanKind.CLIENT),
        ("leanserve.answer", SpanKind.INTERNAL),
        ("chat smollm", SpanKind.CLIENT),
    ]
    assert {span.parent.span_id for span in children if span.parent} == {request.context.span_id}


def test_the_attributes_of_a_request(bench: "Bench", journey: Journey) -> None:
    """GenAI names where they exist, ours elsewhere; what OTLP could not carry (a seed of 100 bits) is left out."""
    answer(bench, journey)
    assert attributes(bench.span("chat auto")) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "auto",
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "smollm",
        "leanserve.stages_ms": "normalize=20.00 answer=0.00",
        "gen_ai.conversation.id": "s1",
        "leanserve.request.id": "req-1",
        "leanserve.policy.version": "7",
        "leanserve.tenant": "acme",
        "leanserve.team": "care",
        "leanserve.feature": "triage",
        "leanserve.user": "u1",
        "leanserve.session": "s1",
        "leanserve.lane": "interactive",
        "leanserve.cache": "miss",
        "leanserve.cache.eligibility": "no",
        "leanserve.tier": "small",
        "leanserve.route.score": 0.25,
        "leanserve.route.reason": "below 0.3",
        "leanserve.route.tier": "small",
        "leanserve.route.uncertain": False,
    }


def test_the_attributes_of_attempts(bench: "Bench", journey: Journey) -> None:
    """Tokens, cost and cause stand on each attempt; the last usage is the one that is priced."""
    answer(bench, journey)
    failed, won = (attributes(span) for span in bench.exporter.get_finished_spans() if span.name == "chat smollm")
    assert failed["leanserve.cost.micro_usd"] == 100
    assert (failed["leanserve.attempt.outcome"], failed["leanserve.attempt.cause"]) == ("failed", "timeout")
    assert failed["error.type"] == "timeout"
    assert won == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "smollm",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 11,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.response.time_to_first_chunk": 0.5,
        "leanserve.tier": "small",
        "leanserve.backend": "small/openai-2",
        "leanserve.cost.micro_usd": 102,
        "leanserve.attempt.outcome": "success",
    }


def test_summing_cost_over_all_spans_gives_the_journeys_cost(bench: "Bench", journey: Journey) -> None:
    """Cost is on attempts only: nothing counts twice."""
    answer(bench, journey)
    spans = [attributes(span) for span in bench.exporter.get_finished_spans()]
    assert sum(found.get("leanserve.cost.micro_usd", 0) for found in spans) == journey.cost == 202


def test_no_span_carries_text_of_the_prompt(bench: "Bench", journey: Journey) -> None:
    """Neither attributes nor statuses nor events, even when the engine's message quotes the prompt."""
    with pytest.raises(BackendRejected), bench.telemetry.request(journey, bench.pricing.cost) as observed:
        fail(observed, BackendRejected("cannot answer: the secret prompt"), Usage())
    told = "".join(span.to_json() for span in bench.exporter.get_finished_spans())
    assert "secret" not in told


def test_timings_are_kept_in_the_journey_also_without_an_exporter(dark_bench: "Bench", journey: Journey) -> None:
    """A stage that runs twice counts the sum, and the stage that ended last stands last."""
    with dark_bench.telemetry.request(journey, dark_bench.pricing.cost) as observed:
        for stage, seconds in (("budget", 0.25), ("route", 0.5), ("budget", 0.25)):
            with observed.stage(stage):
                dark_bench.clock.now += seconds
    assert list(journey.timings.items()) == [("route", 0.5), ("budget", 0.5)]


def test_an_attempt_carries_its_own_span_over_the_hop(bench: "Bench", journey: Journey) -> None:
    """The backend's spans become children of the attempt, not of the request."""
    with (
        bench.telemetry.request(journey, bench.pricing.cost) as observed,
        observed.attempt("small", "small/vllm", "smollm") as record,
    ):
        pass
    span = bench.span("chat smollm")
    assert record.trace_context["traceparent"] == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"
    assert record.trace_context["tracestate"] == "a=b"


def test_without_an_exporter_the_callers_trace_still_reaches_the_backend(dark_bench: "Bench", journey: Journey) -> None:
    """LeanServe that is silent itself does not cut the app's trace in two."""
    with (
        dark_bench.telemetry.request(journey, dark_bench.pricing.cost) as observed,
        observed.attempt("small", "small/vllm", "smollm") as record,
    ):
        pass
    assert record.trace_context["traceparent"] == journey.request.trace_context["traceparent"]


@pytest.mark.parametrize("left", [GeneratorExit, asyncio.CancelledError])
def test_a_client_that_left_is_no_error(bench: "Bench", journey: Journey, left: type[BaseException]) -> None:
    """Request, stage and attempt end without error status; what was spent is still priced."""
    with pytest.raises(left), bench.telemetry.request(journey, bench.pricing.cost) as observed:
        fail(observed, left(), Usage(10, 0, 3))
    record = journey.attempts[0]
    assert (record.outcome, record.cause, record.cost) == (AttemptOutcome.IGNORED, "client_left", 16)
    assert journey.error == ""
    for span in bench.exporter.get_finished_spans():
        assert span.status.status_code is StatusCode.UNSET
        assert "error.type" not in attributes(span)
        assert not span.events


@pytest.mark.parametrize(("error", "code"), [(BackendTimeout(), "timeout"), (KeyError("x"), "internal_error")])
def test_a_fault_names_its_code(bench: "Bench", journey: Journey, error: Exception, code: str) -> None:
    """Our errors by their code, everything else as an internal error; the exception itself goes on."""
    with pytest.raises(type(error)), bench.telemetry.request(journey, bench.pricing.cost):
        raise error
    span = bench.span("chat auto")
    assert (span.status.status_code, attributes(span)["error.type"]) == (StatusCode.ERROR, code)
    assert journey.error == code


def test_an_error_told_inside_the_stream_counts_as_a_failure(bench: "Bench", journey: Journey) -> None:
    """After the first byte a failure cannot be raised to the client any more: the journey's `error` tells it."""
    with bench.telemetry.request(journey, bench.pricing.cost):
        journey.error = "timeout"
    assert attributes(bench.span("chat auto"))["error.type"] == "timeout"
    assert "outcome=failed cause=timeout" in bench.log.lines[0]


def test_an_outcome_set_by_the_caller_stands(bench: "Bench", journey: Journey) -> None:
    """A hedge that lost was cancelled by us: its cause is not the client's leaving."""
    with bench.telemetry.request(journey, bench.pricing.cost) as observed, pytest.raises(asyncio.CancelledError):
        fail(observed, asyncio.CancelledError(), Usage(), cause="hedge_lost")
    record = journey.attempts[0]
    assert (record.outcome, record.cause) == (AttemptOutcome.IGNORED, "hedge_lost")


def test_an_attempt_judged_by_the_caller_keeps_its_judgement(bench: "Bench", journey: Journey) -> None:
    """An answer that came but is invalid is a failure although nothing was raised."""
    with (
        bench.telemetry.request(journey, bench.pricing.cost) as observed,
        observed.attempt("small", "small/vllm", "smollm") as record,
    ):
        record.outcome, record.cause = AttemptOutcome.FAILED, "invalid_output"
    assert attributes(bench.span("chat smollm"))["error.type"] == "invalid_output"
    assert bench.span("chat auto").status.status_code is StatusCode.UNSET


def test_a_hit_names_the_model_that_once_answered(bench: "Bench", journey: Journey) -> None:
    """A replay has no attempt; model and tier are the entry's."""
    with bench.telemetry.request(journey, bench.pricing.cost):
        journey.cache = "semantic"
        journey.hit = CacheHit("semantic", "e1", 0.97, 3.0, {"model": "qwen"}, Usage(5, 0, 5), "large")
    found = attributes(bench.span("chat auto"))
    assert (found["gen_ai.response.model"], found["leanserve.tier"]) == ("qwen", "large")


async def test_a_stream_closed_in_another_task_leaves_no_current_span(
    bench: "Bench", journey: Journey, caplog: pytest.LogCaptureFixture
) -> None:
    """Web servers begin a stream in one task and close it in another: nothing may be attached to either."""

    async def stream() -> AsyncGenerator[int]:
        with (
            bench.telemetry.request(journey, bench.pricing.cost) as observed,
            observed.attempt("small", "small/vllm", "smollm"),
        ):
            yield 1
            yield 2

    chunks = stream()
    assert await asyncio.create_task(chunks.asend(None)) == 1
    assert trace.get_current_span() is trace.INVALID_SPAN
    await asyncio.create_task(chunks.aclose())
    assert journey.attempts[0].cause == "client_left"
    assert len(bench.exporter.get_finished_spans()) == 2
    assert not caplog.records


def test_a_short_stage_leaves_its_time_and_no_span(bench: "Bench", journey: Journey) -> None:
    """Unless it failed; its time stands on the request's span, beside those of all others."""
    with bench.telemetry.request(journey, bench.pricing.cost) as observed:
        for name, seconds in (("cache.exact", 0.0004), ("route", 0.002)):
            with observed.stage(name):
                bench.clock.now += seconds
        with pytest.raises(BackendTimeout), observed.stage("normalize"):
            raise BackendTimeout("late")
    names = [span.name for span in bench.exporter.get_finished_spans()]
    assert names == ["leanserve.route", "leanserve.normalize", "chat auto"]
    assert attributes(bench.span("chat auto"))["leanserve.stages_ms"] == "cache.exact=0.40 route=2.00 normalize=0.00"
    route = bench.span("leanserve.route")
    assert route.start_time is not None
    assert route.end_time == pytest.approx(route.start_time + 2_000_000, abs=1_000)


async def test_parallel_stages_are_siblings(bench: "Bench", journey: Journey) -> None:
    """Lookup and routing run side by side; neither becomes the other's parent."""

    async def stage(observed: Any, name: str) -> None:
        with observed.stage(name):
            await asyncio.sleep(0)
            bench.clock.now += 0.01

    with bench.telemetry.request(journey, bench.pricing.cost) as observed:
        await asyncio.gather(stage(observed, "lookup"), stage(observed, "route"))
    request = bench.span("chat auto")
    parents = [bench.span(f"leanserve.{name}").parent for name in ("lookup", "route")]
    assert [parent.span_id for parent in parents if parent] == [request.context.span_id] * 2
