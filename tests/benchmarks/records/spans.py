"""A receiver of spans that speaks OTLP over HTTP as a collector does, and sums what it is told by trace.

It is an upstream too: one that is ready, and fails whatever it is asked.
"""

import gzip
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(slots=True)
class Spent:
    """What the attempts of one trace used: tokens and micro-USD."""

    input_tokens: int = 0
    output_tokens: int = 0
    micro_usd: int = 0


@dataclass
class Received:
    """By trace id, of all attempts whose spans came; `spans` is how many came in all."""

    url: str
    spans: int = 0
    spent: defaultdict[str, Spent] = field(default_factory=lambda: defaultdict(Spent))
    requests: set[str] = field(default_factory=set)

    def take(self, body: bytes, *, reads: bool) -> None:
        """One export."""
        message = ExportTraceServiceRequest.FromString(body)
        spans = [span for each in message.resource_spans for scope in each.scope_spans for span in scope.spans]
        self.spans += len(spans)
        for span in spans if reads else ():
            said = {one.key: one.value for one in span.attributes}
            trace = span.trace_id.hex()
            if "leanserve.request.id" in said:
                self.requests.add(trace)
            if "leanserve.cost.micro_usd" in said:
                spent = self.spent[trace]
                spent.input_tokens += said["gen_ai.usage.input_tokens"].int_value
                spent.output_tokens += said["gen_ai.usage.output_tokens"].int_value
                spent.micro_usd += said["leanserve.cost.micro_usd"].int_value


@contextmanager
def receiving(*, reads: bool = True) -> Iterator[Received]:
    """On a free port of the loopback interface, until the block ends; without `reads` spans are only counted."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(200, "application/json", b'{"object": "list", "data": []}')

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path != "/v1/traces":
                self.answer(503, "application/json", b"{}")
                return
            plain = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
            with lock:
                received.take(plain, reads=reads)
            self.answer(200, "application/x-protobuf", ExportTraceServiceResponse().SerializeToString())

        def answer(self, status: int, kind: str, reply: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received = Received(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield received
        finally:
            server.shutdown()
