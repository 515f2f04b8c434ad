"""Where spans go: OTLP over HTTP, by OpenTelemetry's standard environment variables."""

import atexit
import threading
from collections.abc import Callable, Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import Tracer

from app.errors import ConfigError
from app.observe.encoding import encode
from app.observe.sending import CountedSending, Dropped

TRACER = "leanserve"
LAST_SPANS_S = 5.0
QUEUE = 2048
"""Spans that may wait, by the SDK's specification; a request has some eight."""


class LeanSpanExporter(OTLPSpanExporter):
    """The library's own, but for how spans become bytes: its way takes longer than all else that is done for them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See `SpanExporter`."""
        body = None if self._shutdown else encode(spans)
        if body is None:
            return super().export(spans)
        return SpanExportResult.SUCCESS if self._client.export(body).success else SpanExportResult.FAILURE


def traces_endpoint(environ: Mapping[str, str]) -> str | None:
    """The URL that takes spans, or None when tracing is off.

    The traces' own variable is used as it is, the general one gets `/v1/traces` appended: the OTLP exporter
    specification says so. `OTEL_SDK_DISABLED=true` and `OTEL_TRACES_EXPORTER=none` switch off.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    if own := environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        return own
    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return f"{base.rstrip('/')}/v1/traces" if base else None


def queue_size(environ: Mapping[str, str]) -> int:
    """How many spans may wait: `OTEL_BSP_MAX_QUEUE_SIZE`. Raises ConfigError for what is no such number."""
    text = environ.get("OTEL_BSP_MAX_QUEUE_SIZE", "").strip() or str(QUEUE)
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise ConfigError(f"OTEL_BSP_MAX_QUEUE_SIZE: {text!r} is no number of spans")
    return int(text)


def open_exporter(
    endpoint: str,
    service_name: str,
    replica: str,
    last_spans_s: float = LAST_SPANS_S,
    *,
    size: int = QUEUE,
    dropped: Dropped = lambda _: None,
) -> tuple[Tracer, Callable[[], None]]:
    """A tracer whose spans are sent in batches from a thread, and what ends it, which the process's exit does too.

    At most `size` spans wait; `dropped` hears of those that find no room, and of those that the collector did not take.
    The provider is its own: the global one is left to the host. Without a sampler given, the SDK takes
    `OTEL_TRACES_SAMPLER`, by default every trace that the caller did not decide to drop.
    """
    exporter = LeanSpanExporter(endpoint=endpoint)
    resource = Resource.create({"service.name": service_name, "service.instance.id": replica})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(CountedSending(exporter, size, dropped))

    def shutdown() -> None:
        """Send what is left within `last_spans_s`: the SDK alone would try an absent collector for 30 s."""
        atexit.unregister(shutdown)
        sending = threading.Thread(target=provider.shutdown, daemon=True)
        sending.start()
        sending.join(last_spans_s)
        exporter.shutdown()  # type: ignore[no-untyped-call]

    atexit.register(shutdown)
    return provider.get_tracer(TRACER), shutdown
