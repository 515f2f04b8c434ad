"""Traces and the exported ledger at a collector that speaks OTLP: what came, and what a bad one costs."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families

from app.config.gateway import EchoBackend as EchoSpec
from app.config.gateway import StoreSpec
from app.ledger.record import LedgerRecord
from app.observe.telemetry import open_telemetry
from app.report.export import Export
from app.report.otlp import send_otlp
from app.store.client import open_store
from app.tiers.echo import EchoBackend
from tests.api.conftest import Serve, client_of
from tests.api.test_ledger import PACE, Flaky, kept, settled
from tests.collector import Collected, Temper, collecting, said
from tests.harness import Running, eventually, tier

COST = "leanserve.cost.micro_usd"
REQUESTS = 40


@pytest.fixture
def collected() -> Iterator[Collected]:
    with collecting() as found:
        yield found


def traced(serve: Serve, url: str, queue: str = "") -> Running:
    """Two small backends that fail now and then; spans go to `url`."""
    names = ("small/echo", "small/echo-2", "large/echo")
    specs = {name: EchoSpec(kind="echo", **PACE) for name in names}
    backends: dict[str, Any] = {name: Flaky(specs[name], name, seed) for seed, name in enumerate(names[:2])}
    backends["large/echo"] = EchoBackend(specs["large/echo"], "large/echo")
    tiers = [tier("small", **PACE), tier("large", **PACE)]
    tiers[0]["backends"] *= 2
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_MAX_QUEUE_SIZE": queue}
    telemetry = open_telemetry("leanserve", environ, "r1")
    policy = {"attempts": {"breaker_failures": 1000}, "cache": {"semantic": False}}
    return serve(config={"tiers": tiers}, policy=policy, backends=backends, telemetry=telemetry)


def parent(number: int) -> tuple[str, str]:
    """The ids of the trace and the span in which an app asks."""
    return f"{number + 1:032x}", f"{number + 0xA0:016x}"


def load(running: Running, requests: int) -> list[LedgerRecord]:
    """Ask so often, a third of it again, each within a span of the app's; the records of it all."""
    client = client_of(running)
    for number in range(requests):
        trace, span = parent(number)
        messages: Any = [{"role": "user", "content": f"What is number {number % (requests * 2 // 3)}?"}]
        answer = client.chat.completions.create(
            model="auto",
            messages=messages,
            stream=bool(number % 2),
            metadata={"feature": "<b>☃</b>"},
            extra_headers={"traceparent": f"00-{trace}-{span}-01"},
            timeout=10,
        )
        if number % 2:
            list(answer)
    assert eventually(lambda: settled(running), 20)
    return asyncio.run(kept(running))


def closed(running: Running) -> None:
    """What waited was sent, or given up."""
    asyncio.run(running.gateway.stages.telemetry.close())


def dropped(running: Running) -> int:
    """Spans that reached no collector, as `/metrics` says."""
    families = text_string_to_metric_families(running.gateway.stages.telemetry.render()[0].decode())
    samples = (sample for family in families for sample in family.samples)
    return sum(round(each.value) for each in samples if each.name == "leanserve_spans_dropped_total")


def test_a_request_is_one_span_below_the_apps_with_a_child_for_each_attempt(serve: Serve, collected: Collected) -> None:
    """Cost is on attempts only, and as the ledger has it: by request, and in all."""
    running = traced(serve, collected.url)
    records = {each.trace: each for each in load(running, REQUESTS)}
    closed(running)
    assert collected.faults == []
    assert {(each["service.name"], each["service.instance.id"]) for each in collected.resources} == {
        ("leanserve", "r1")
    }
    assert len(records) == REQUESTS
    for number in range(REQUESTS):
        trace, app_span = parent(number)
        spans = [each for each in collected.spans if each.trace_id.hex() == trace]
        [request] = [each for each in spans if each.kind == Span.SPAN_KIND_SERVER]
        assert request.parent_span_id.hex() == app_span
        assert {each.parent_span_id for each in spans if each is not request} <= {request.span_id}
        check(request, [each for each in spans if each.kind == Span.SPAN_KIND_CLIENT], records[trace])
        assert all(COST not in said(each) for each in spans if each.kind != Span.SPAN_KIND_CLIENT)
    costs = [cost for each in collected.spans if (cost := said(each).get(COST)) is not None]
    assert sum(costs) == sum(each.micro_usd for each in records.values()) > 0
    roles = Counter(entry.role for each in records.values() for entry in each.attempts)
    assert len(costs) == roles.total()
    assert roles["retry"] > 0
    assert dropped(running) == 0


def check(request: Span, attempts: list[Span], record: LedgerRecord) -> None:
    """The spans of one request against its record."""
    told = said(request)
    assert told["leanserve.request.id"] == record.id
    assert told["leanserve.tenant"] == record.tenant
    assert told["leanserve.cache"] == record.cache
    attempts.sort(key=lambda each: each.start_time_unix_nano)
    assert [
        (said(each)["gen_ai.usage.input_tokens"], said(each)["gen_ai.usage.output_tokens"], said(each)[COST])
        for each in attempts
    ] == [(entry.input_tokens, entry.output_tokens, entry.micro_usd) for entry in record.attempts]


def test_the_exported_ledger_is_logs_of_the_same_traces(serve: Serve, collected: Collected) -> None:
    """Sent afterwards, to the same collector: linked to the requests' traces, no span twice, the sum of costs again."""
    running = traced(serve, collected.url)
    records = load(running, 20)
    closed(running)
    spans = len(collected.spans)

    async def export() -> dict[str, int]:
        store = await open_store(running.redis_url, StoreSpec(timeout_s=5))
        try:
            return await send_otlp(Export(store, "default").batches(0, time.time() + 60), collected.url, {})
        finally:
            await store.close()

    assert asyncio.run(export())["requests"] == len(records) == 20
    assert collected.faults == []
    assert len(collected.spans) == spans
    assert {each.trace_id for each in collected.logs} == {each.trace_id for each in collected.spans}
    costs = [cost for each in collected.logs if (cost := said(each).get(COST)) is not None]
    assert sum(costs) == sum(each.micro_usd for each in records) > 0


@contextmanager
def nobody() -> Iterator[Collected]:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = Collected(f"http://127.0.0.1:{taken.getsockname()[1]}", Temper())
    yield found


BAD: dict[str, Callable[[], AbstractContextManager[Collected]]] = {
    "away": nobody,
    "slow": lambda: collecting(Temper(delay_s=3)),
    "busy": lambda: collecting(Temper(503)),
    "throttling": lambda: collecting(Temper(429)),
    "refusing": lambda: collecting(Temper(400)),
}


@pytest.mark.parametrize("how", BAD)
def test_a_bad_collector_costs_no_request(serve: Serve, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """All are answered as if it were not there; the queue is full soon, and each span that is lost is counted."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with BAD[how]() as found:
        running = traced(serve, found.url, queue="50")
        began = time.monotonic()
        records = load(running, 30)
        assert time.monotonic() - began < 15
        assert all(each.outcome == "success" for each in records)
        assert len(records) == 30
        assert eventually(lambda: dropped(running) > 0, 10)
        closed(running)
        least = sum(1 + len(each.attempts) for each in records)
        assert dropped(running) + len(found.spans) >= least


def test_a_collector_that_was_busy_for_a_moment_gets_all(serve: Serve) -> None:
    """What it did not take at once is sent again; nothing is lost, nothing comes twice."""
    with collecting(Temper(503, times=1)) as found:
        running = traced(serve, found.url)
        records = load(running, 10)
        closed(running)
        assert found.asked > 1
        assert dropped(running) == 0
        ids = [each.span_id for each in found.spans]
        assert len(set(ids)) == len(ids)
        costs = [cost for each in found.spans if (cost := said(each).get(COST)) is not None]
        assert sum(costs) == sum(each.micro_usd for each in records)
