"""One request under observation: its span, its stages and its attempts.

No span is ever made "current": the request runs in an async generator, which may be closed in another task than the one
that began it, where a context token cannot be given back. Children name their parent instead.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Tracer, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.domain import MicroUsd, Usage
from app.errors import ConfigError
from app.journey import AttemptOutcome, AttemptRecord, Journey
from app.observe.attributes import (
    SHADOW,
    Attributes,
    answer_attributes,
    attempt_attributes,
    request_attributes,
    spent_attributes,
)
from app.observe.ending import Ending, ending, mark
from app.observe.labels import clean
from app.observe.logline import log_line
from app.observe.metrics import Metrics
from app.observe.recording import NO_RECORDING, Ended, Recording

Pricing = Callable[[str, str, Usage], MicroUsd]
"""`(tier, backend, usage)` to cost: `PriceSheet.cost` of the policy that the request runs under."""

_W3C = TraceContextTextMapPropagator()
_WELL = ending(None)

SHORT_S = 0.001
"""A stage that went well in less leaves no span: to make and to send one takes 30 µs of a core, as long as some stages.
The request's span tells the times of all of them."""


@dataclass(frozen=True, slots=True)
class Instruments:
    """What a request is observed with. `clock` counts seconds from anywhere."""

    tracer: Tracer
    metrics: Metrics
    log: logging.Logger
    clock: Callable[[], float]


class RequestTrace:
    """Keeps the `Journey` of one request: its timings, its attempts and what they cost."""

    def __init__(
        self,
        journey: Journey,
        instruments: Instruments,
        pricing: Pricing,
        recording: Recording = NO_RECORDING,
        *,
        shadow: Span | None = None,
    ) -> None:
        self.journey = journey
        self._recording, self._shadow = recording, shadow is not None
        self._marks: Attributes = SHADOW if shadow else {}
        self.first_chunk_s: float | None = None
        self._use, self._pricing = instruments, pricing
        self.started = instruments.clock()
        self._span = shadow or _start_request_span(instruments.tracer, journey)
        self._context = set_span_in_context(self._span, Context())

    def first_chunk(self) -> None:
        """The first chunk (or the whole body) is about to leave; `first_chunk_s` is seconds since the request came."""
        if self.first_chunk_s is None:
            self.first_chunk_s = self._use.clock() - self.started

    def price(self, record: AttemptRecord) -> None:
        """Bring `record.cost` up to date. Call it whenever `record.usage` was changed; an attempt's end does too."""
        record.cost = self._pricing(record.tier, record.backend, record.usage)
        with suppress(ConfigError):  # what is priced nowhere costs nothing
            record.price = self.journey.prices.version(record.tier, record.backend)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage. A stage that runs twice counts the sum."""
        began_ns, started = time.time_ns(), self._use.clock()
        end = _WELL
        try:
            yield
        except BaseException as error:
            end = ending(error)
            raise
        finally:
            self._stage_ended(name, began_ns, self._use.clock() - started, end)

    def _stage_ended(self, name: str, began_ns: int, seconds: float, end: Ending) -> None:
        if seconds >= SHORT_S or end.outcome is AttemptOutcome.FAILED:
            span = self._use.tracer.start_span(f"leanserve.{name}", context=self._context, start_time=began_ns)
            mark(span, end)
            span.end(began_ns + int(seconds * 1e9))
        timings = self.journey.timings
        timings[name] = timings.pop(name, 0.0) + seconds
        self._use.metrics.stage_ended(name, seconds)

    def planned(self, tier: str) -> None:
        """An attempt at `tier` is about to be reserved. A replica that dies of it leaves a record of what was held."""
        self._recording.planned(self.journey, tier, shadow=self._shadow)

    @contextmanager
    def attempt(self, tier: str, backend: str, model: str, *, hedge: bool = False) -> Iterator[AttemptRecord]:
        """Record one call of one backend, and tell how it ended.

        `outcome` and `cause` follow from what was raised, unless the caller set them (a hedge that lost, say). The
        record's `trace_context` goes with the call.
        """
        started = self._use.clock()
        record = AttemptRecord(tier, backend, model, hedge=hedge)
        span = self._start_attempt_span(record)
        self.journey.attempts.append(record)
        self._recording.began(self.journey, record, shadow=self._shadow)
        error: BaseException | None = None
        try:
            yield record
        except BaseException as raised:
            error = raised
            raise
        finally:
            record.duration_s = self._use.clock() - started
            self._attempt_ended(span, record, ending(error))

    def _start_attempt_span(self, record: AttemptRecord) -> Span:
        operation = self.journey.request.operation
        span = self._use.tracer.start_span(
            f"{operation} {record.model}",
            context=self._context,
            kind=SpanKind.CLIENT,
            attributes=attempt_attributes(record, operation) | self._marks,
        )
        headers: dict[str, str] = {}
        _W3C.inject(headers, set_span_in_context(span, Context()))
        record.trace_context = headers
        return span

    def _attempt_ended(self, span: Span, record: AttemptRecord, end: Ending) -> None:
        if record.outcome is None:
            record.outcome = end.outcome
            record.cause = record.cause or end.cause
        try:
            self.price(record)
            self._use.metrics.attempt_ended(self.journey, record)
        finally:
            self._recording.attempted(self.journey, record, shadow=self._shadow)
            span.set_attributes(spent_attributes(record))
            mark(span, Ending(record.outcome, record.cause))
            span.end()

    @contextmanager
    def shadow(self, journey: Journey) -> Iterator["RequestTrace"]:
        """Observe a call that is made beside this request, perhaps after it: spans below its own, marked as shadow.

        Its attempts are counted with their cost, but no request is.
        """
        marked = request_attributes(journey) | SHADOW
        span = self._use.tracer.start_span("leanserve.shadow", context=self._context, attributes=marked)
        beside = RequestTrace(journey, self._use, self._pricing, self._recording, shadow=span)
        error: BaseException | None = None
        try:
            yield beside
        except BaseException as raised:
            error = raised
            raise
        finally:
            span.set_attributes(answer_attributes(journey))
            mark(span, ending(error))
            span.end()
            beside.record(ending(error), self._use.clock() - beside.started)

    def tell(self, attributes: Attributes) -> None:
        """Add to the request's span."""
        self._span.set_attributes(attributes)

    def end(self, error: BaseException | None) -> None:
        """The request is over: finish its span, count it and write its line. `Telemetry.request` calls this."""
        duration_s = self._use.clock() - self.started
        end = self._how_it_ended(error)
        self._span.set_attributes(answer_attributes(self.journey))
        mark(self._span, end)
        self._span.end()
        self._use.metrics.request_ended(self.journey, end, error, duration_s, self.first_chunk_s)
        self.record(end, duration_s)
        self._use.log.info("%s", log_line(self.journey, end, duration_s, self.first_chunk_s, self._trace_id()))

    def record(self, end: Ending, duration_s: float) -> None:
        """Keep the record."""
        told = Ended(*end, duration_s, self.first_chunk_s, self._trace_id(), self._shadow)
        self._recording.ended(self.journey, told)

    def _how_it_ended(self, error: BaseException | None) -> Ending:
        end = ending(error)
        if end.outcome is AttemptOutcome.FAILED:
            self.journey.error = self.journey.error or end.cause
        # An error may have been told to the client inside the stream instead of being raised.
        return Ending(AttemptOutcome.FAILED, self.journey.error) if self.journey.error else end

    def _trace_id(self) -> str:
        context = self._span.get_span_context()
        return format_trace_id(context.trace_id) if context.is_valid else ""


def _start_request_span(tracer: Tracer, journey: Journey) -> Span:
    request = journey.request
    return tracer.start_span(
        f"{request.operation} {clean(request.model)}",
        context=_W3C.extract(request.trace_context, Context()),
        kind=SpanKind.SERVER,
        attributes=request_attributes(journey),
    )
