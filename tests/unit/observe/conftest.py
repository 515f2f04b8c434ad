"""A telemetry whose spans, lines and clock the test holds."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer, Tracer

from app.config.policy import Policy
from app.config.prices import Price
from app.cost.prices import PriceSheet
from app.domain import Caller, GatewayRequest
from app.journey import Journey
from app.observe.metrics import Metrics
from app.observe.telemetry import Telemetry
from app.observe.trace import Instruments

SECRET = "the secret prompt"


@dataclass
class Lines(logging.Handler):
    """Keeps what was logged."""

    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __hash__(self) -> int:
        return id(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@dataclass
class Clock:
    """Seconds that pass when the test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Bench:
    """One telemetry and everything that can be seen of it."""

    telemetry: Telemetry
    exporter: InMemorySpanExporter
    log: Lines
    clock: Clock
    pricing: PriceSheet

    def span(self, name: str) -> ReadableSpan:
        found = [span for span in self.exporter.get_finished_spans() if span.name == name]
        assert len(found) == 1, [span.name for span in self.exporter.get_finished_spans()]
        return found[0]

    def metrics(self) -> str:
        return self.telemetry.render()[0].decode()


def open_bench(tracer: Tracer, exporter: InMemorySpanExporter, limit: int = 200) -> Bench:
    log, clock = Lines(), Clock()
    logger = logging.Logger("leanserve.request", logging.INFO)
    logger.addHandler(log)
    telemetry = Telemetry(Instruments(tracer, Metrics("r1", limit), logger, clock))
    prices = PriceSheet({"small": Price(input=Decimal(1), output=Decimal(2), cached_input=Decimal("0.5"))})
    return Bench(telemetry, exporter, log, clock, prices)


@pytest.fixture
def bench() -> Bench:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return open_bench(provider.get_tracer("test"), exporter)


@pytest.fixture
def dark_bench() -> Bench:
    """Telemetry without an exporter."""
    return open_bench(NoOpTracer(), InMemorySpanExporter(), limit=2)


@pytest.fixture
def journey() -> Journey:
    return make_journey(Caller(tenant="acme", team="care", feature="triage", user="u1", session="s1"))


@pytest.fixture
def journey_of() -> Callable[[Caller], Journey]:
    return make_journey


def make_journey(caller: Caller) -> Journey:
    payload = {
        "model": "auto",
        "messages": [{"role": "user", "content": SECRET}],
        "temperature": 0.2,
        "max_completion_tokens": 64,
        "seed": 10**30,
        "stop": [SECRET],
        "stream": True,
    }
    parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}
    request = GatewayRequest(id="req-1", operation="chat", payload=payload, caller=caller, trace_context=parent)
    return Journey(request, Policy(version="7"))
