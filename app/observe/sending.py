"""Spans on their way to a collector: a bounded number of them, and a count of those that do not get there."""

import threading
from collections.abc import Callable, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

Dropped = Callable[[int], None]
"""Hears how many spans were lost. Called from any thread."""


class CountedSending(SpanProcessor):
    """Sends in batches from a thread; at most `size` spans wait, what finds no room or is not taken is `dropped`.

    The SDK's own queue drops the oldest and counts nothing unless its own metrics are on: here it is never full.
    """

    def __init__(self, exporter: SpanExporter, size: int, dropped: Dropped) -> None:
        self._size, self._dropped = size, dropped
        self._waiting, self._lock = 0, threading.Lock()
        batch = min(size, 512)
        self._batches = BatchSpanProcessor(_Counted(exporter, self._left, dropped), size, max_export_batch_size=batch)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing yet."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue it; waits for nothing."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        with self._lock:
            fits = self._waiting < self._size
            self._waiting += fits
        if fits:
            self._batches.on_end(span)
        else:
            self._dropped(1)

    def shutdown(self) -> None:
        """Send what waits. Blocks."""
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits. Blocks."""
        return self._batches.force_flush(timeout_millis)

    def _left(self, spans: int) -> None:
        with self._lock:
            self._waiting -= spans


class _Counted(SpanExporter):
    """Tells `left` of each batch that is no longer in the queue, and `dropped` of those that nobody took."""

    def __init__(self, exporter: SpanExporter, left: Callable[[int], None], dropped: Dropped) -> None:
        self._exporter, self._left, self._dropped = exporter, left, dropped

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sent, and where that fails counted."""
        self._left(len(spans))
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            if result is not SpanExportResult.SUCCESS:
                self._dropped(len(spans))
        return result

    def shutdown(self) -> None:
        """Of what is inside."""
        self._exporter.shutdown()
