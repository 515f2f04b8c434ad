"""Telemetry opened from the environment: off, or sending OTLP to a receiver that speaks the protocol."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.domain import MicroUsd, Usage
from app.journey import Journey
from app.observe.otlp import open_exporter, traces_endpoint
from app.observe.telemetry import open_telemetry


class Receiver(BaseHTTPRequestHandler):
    """Keeps the export requests that were posted."""

    received: ClassVar[list[tuple[str, ExportTraceServiceRequest]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def collector() -> Iterator[str]:
    Receiver.received.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def price(_tier: str, _backend: str, usage: Usage) -> MicroUsd:
    return MicroUsd(usage.total_tokens)


async def test_spans_reach_a_collector(collector: str, journey: Journey) -> None:
    """Closing sends what waits; the resource names service and replica; hostile values spoil no batch."""
    telemetry = open_telemetry("leanserve", {"OTEL_EXPORTER_OTLP_ENDPOINT": collector}, "r1")
    with telemetry.request(journey, price) as observed, observed.attempt("small", "small/vllm", "m") as record:
        record.usage = Usage(1, 0, 2)
    await telemetry.close()
    (path, export), *more = Receiver.received
    assert (path, more) == ("/v1/traces", [])
    resource = {pair.key: pair.value.string_value for pair in export.resource_spans[0].resource.attributes}
    assert (resource["service.name"], resource["service.instance.id"]) == ("leanserve", "r1")
    spans = export.resource_spans[0].scope_spans[0].spans
    assert [span.name for span in spans] == ["chat m", "chat auto"]
    assert spans[0].trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    costs = [pair.value.int_value for pair in spans[0].attributes if pair.key == "leanserve.cost.micro_usd"]
    assert costs == [3]


def test_an_absent_collector_does_not_hold_up_the_end() -> None:
    """Spans that cannot be sent are given up after the time given, not after the SDK's half a minute."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}/v1/traces"
    tracer, shutdown = open_exporter(endpoint, "leanserve", "r1", last_spans_s=0.2)
    tracer.start_span("chat auto").end()
    began = time.monotonic()
    shutdown()
    assert time.monotonic() - began < 2


async def test_off_still_writes_the_line_and_counts(journey: Journey, caplog: pytest.LogCaptureFixture) -> None:
    """Without an endpoint there are no spans, but the log line and the metrics are always there."""
    caplog.set_level(logging.INFO)
    telemetry = open_telemetry("leanserve", {}, "r1")
    with telemetry.request(journey, price):
        pass
    await telemetry.close()
    assert [record.name for record in caplog.records if "leanserve" in record.name] == ["leanserve.request"]
    assert 'replica="r1"' in telemetry.render()[0].decode()


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "True"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"}, "http://t/x"),
    ],
)
def test_the_standard_variables_decide(environ: dict[str, str], endpoint: str | None) -> None:
    """As OpenTelemetry's exporter specification has them."""
    assert traces_endpoint(environ) == endpoint
