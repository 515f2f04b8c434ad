"""The telemetry of a replica: opened once from the environment, used once a request."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.trace import NoOpTracer, Tracer

from app.domain import Marked
from app.journey import Journey
from app.observe.logline import open_request_log
from app.observe.metrics import Metrics
from app.observe.otlp import open_exporter, queue_size, traces_endpoint
from app.observe.recording import NO_RECORDING, Recording
from app.observe.trace import Instruments, Pricing, RequestTrace


def _nothing() -> None:
    """Nothing to close."""


class Telemetry:
    """Observes requests of `replica` with ready instruments. `shutdown` may block: it sends what is left."""

    def __init__(self, instruments: Instruments, shutdown: Callable[[], None] = _nothing, replica: str = "") -> None:
        self.replica = replica
        self._instruments = instruments
        self._shutdown = shutdown

    @contextmanager
    def request(
        self, journey: Journey, pricing: Pricing, recording: Recording = NO_RECORDING
    ) -> Iterator[RequestTrace]:
        """Observe one request from here to the end of the `with`, which may stand in an async generator.

        `pricing` is the price sheet of the journey's policy; `recording` keeps the record of the request. A request
        that raises is counted and re-raised.
        """
        trace = RequestTrace(journey, self._instruments, pricing, recording)
        error: BaseException | None = None
        try:
            yield trace
        except BaseException as raised:
            error = raised
            raise
        finally:
            trace.end(error)

    def mark_passed(self, marked: Marked) -> None:
        """Count a limit that passed a mark."""
        self._instruments.metrics.mark_passed(marked)

    def record_dropped(self) -> None:
        """Count a record that found no room."""
        self._instruments.metrics.record_dropped()

    def render(self) -> tuple[bytes, str]:
        """The body and the content type of `/metrics`."""
        return self._instruments.metrics.render()

    async def close(self) -> None:
        """Send the spans that wait; without an exporter nothing happens."""
        await asyncio.to_thread(self._shutdown)


def open_telemetry(service_name: str, environ: Mapping[str, str], replica: str) -> Telemetry:
    """Spans go to the collector that `environ` names (`OTEL_EXPORTER_OTLP_[TRACES_]ENDPOINT`), or nowhere.

    `environ` says whether and where; it is the process's own (`os.environ`), from which OpenTelemetry's SDK reads the
    other standard variables. `OTEL_SERVICE_NAME` goes before `service_name`.
    """
    endpoint = traces_endpoint(environ)
    tracer: Tracer = NoOpTracer()
    shutdown, metrics = _nothing, Metrics(replica)
    if endpoint:
        name, size = environ.get("OTEL_SERVICE_NAME", service_name), queue_size(environ)
        tracer, shutdown = open_exporter(endpoint, name, replica, size=size, dropped=metrics.spans_dropped)
    return Telemetry(Instruments(tracer, metrics, open_request_log(), time.perf_counter), shutdown, replica)
