"""A collector that speaks OTLP over HTTP as the specification says, and is as strict as one that stores what it gets.

opentelemetry.io/docs/specs/otlp: protobuf, gzip or plain, a message in answer whatever the status. What no collector
could make sense of is a fault: another path or type, ids of another length, a span that ends before it begins.
"""

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PROTOBUF = "application/x-protobuf"
MESSAGES: dict[str, tuple[Any, Any]] = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/logs": (ExportLogsServiceRequest, ExportLogsServiceResponse),
}


@dataclass(frozen=True, slots=True)
class Temper:
    """How it answers: after so many seconds, and with this status the first `times`; it keeps what it answers 200."""

    status: int = 200
    times: int = 1_000_000
    delay_s: float = 0.0


@dataclass
class Collected:
    """What came, span by span and log by log; `resources` are those of all messages."""

    url: str
    temper: Temper
    spans: list[Any] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    asked: int = 0

    def take(self, message: Any) -> None:
        """A message that was understood."""
        traces = isinstance(message, ExportTraceServiceRequest)
        for part in message.resource_spans if traces else message.resource_logs:
            self.resources.append(said(part.resource))
            for scope in part.scope_spans if traces else part.scope_logs:
                for each in scope.spans if traces else scope.log_records:
                    self.faults += faults_of_span(each) if traces else faults_of(each)
                    (self.spans if traces else self.logs).append(each)


def said(bearer: Any) -> dict[str, Any]:
    """The attributes of a span, a log or a resource."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value") for each in bearer.attributes
    }


def faults_of_span(span: Any) -> list[str]:
    """What no trace could be drawn from."""
    found = faults_of(span)
    if len(span.span_id) != 8 or not any(span.span_id) or len(span.parent_span_id) not in {0, 8}:
        found.append(f"{span.name}: the ids are none")
    if not span.name or not 0 < span.start_time_unix_nano <= span.end_time_unix_nano:
        found.append(f"{span.name}: no name, or no time")
    return found


def faults_of(bearer: Any) -> list[str]:
    """Of a trace's id and the attributes."""
    found, names = [], [each.key for each in bearer.attributes]
    if len(bearer.trace_id) != 16 or not any(bearer.trace_id):
        found.append("the id of the trace is none")
    if len(set(names)) < len(names) or not all(names):
        found.append(f"attributes without a name, or twice: {names}")
    if empty := [each.key for each in bearer.attributes if each.value.WhichOneof("value") is None]:
        found.append(f"attributes without a value: {empty}")
    return found


@contextmanager
def collecting(temper: Temper | None = None) -> Iterator[Collected]:
    """On a free port of the loopback interface, until the block ends."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            time.sleep(found.temper.delay_s)
            with lock:
                found.asked += 1
                refused = found.temper.status != 200 and found.asked <= found.temper.times
                self.answer(found.temper.status if refused else self.understood(body))

        def understood(self, body: bytes) -> int:
            request, _ = MESSAGES.get(self.path, (None, None))
            if request is None or self.headers["content-type"] != PROTOBUF:
                found.faults.append(f"{self.path} {self.headers['content-type']}")
                return 404
            found.take(
                request.FromString(gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
            )
            return 200

        def answer(self, status: int) -> None:
            reply = MESSAGES[self.path][1]() if status == 200 else Status(code=14, message="not now")
            content = reply.SerializeToString()
            self.send_response(status)
            self.send_header("content-type", PROTOBUF)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found = Collected(f"http://127.0.0.1:{server.server_port}", temper or Temper())
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield found
        finally:
            server.shutdown()
