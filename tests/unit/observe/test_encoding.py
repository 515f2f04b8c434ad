"""Spans as bytes: what a collector reads of ours is what it would read of the library's own."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from app.observe.encoding import encode
from app.observe.labels import clean

TRACER = TracerProvider(resource=Resource.create({"service.name": "leanserve", "n": 3})).get_tracer("leanserve", "1")
NAMES = st.text(min_size=1, max_size=20).map(clean).filter(bool)
VALUES = st.one_of(
    st.text(max_size=300).map(clean),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
)


def span(name: str = "chat", parent: SpanContext | None = None, kind: SpanKind = SpanKind.CLIENT) -> Span:
    context = set_span_in_context(NonRecordingSpan(parent), Context()) if parent else Context()
    made = TRACER.start_span(name, context=context, kind=kind)
    assert isinstance(made, Span)
    return made


def theirs(spans: list[ReadableSpan]) -> str:
    return str(encode_spans(spans))


def ours(spans: list[ReadableSpan]) -> str:
    body = encode(spans)
    assert body is not None
    return str(ExportTraceServiceRequest.FromString(body))


@given(
    st.lists(st.dictionaries(NAMES, VALUES, max_size=8), min_size=1, max_size=4),
    st.sampled_from(SpanKind),
    st.sampled_from(StatusCode),
    st.booleans(),
)
def test_any_span_is_encoded_as_the_library_does(
    attributes: list[dict[str, str | bool | int | float]], kind: SpanKind, status: StatusCode, remote: bool
) -> None:
    """Kinds, parents near and far, states, every kind of value, in batches."""
    state = TraceState([("a", "b"), ("c", "d")])
    parent = SpanContext(2**127 + 5, 2**63 + 1, remote, TraceFlags(1), state)
    made: list[ReadableSpan] = []
    for each in attributes:
        one = span("chat größe", parent, kind)
        one.set_attributes(each)
        one.set_status(status)
        one.end()
        made.append(one)
    assert ours(made) == theirs(made)


def odd() -> Iterator[Span]:
    """What none of our spans has."""
    with_event, with_list = span(), span()
    with_event.add_event("something")
    with_list.set_attribute("list", ["a", "b"])
    linked = TRACER.start_span("x", context=Context(), links=[Link(SpanContext(1, 2, False))])
    assert isinstance(linked, Span)
    yield from (with_event, with_list, linked)


@pytest.mark.parametrize("one", list(odd()), ids=["event", "list", "link"])
def test_what_it_cannot_write_is_left_to_the_library(one: Span) -> None:
    """Rather than to leave it out."""
    one.end()
    assert encode([one]) is None
    assert encode([]) is None
