"""Small turns of OpenAI's wire format between the client's view of a request and a backend's."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from app.budget.sizing import MAXIMA, asked_output_tokens, choices, maximum_fields
from app.cache.collect import AnswerCollector
from app.cache.replay import as_stream, as_whole
from app.domain import CacheHit, Chunk, GatewayRequest, Usage
from app.journey import Journey

STOPPED = "leanserve.stopped"
"""Marks the chunk that ends an answer in the middle, on its way through the house."""

Batches = AsyncGenerator[list[Chunk], None]

_OURS = frozenset({"user", "metadata", "store", "service_tier"})
"""Fields for LeanServe, not for an engine. `service_tier` would be a price of the client's own choice, up to twice the
one that is booked: lanes and tiers say who waits, and who is served by whom."""


def backend_payload(request: GatewayRequest, model: str, cap: int, *, stream: bool) -> dict[str, Any]:
    """The body that a backend gets: its own model, at most `cap` output tokens a choice, and usage while it streams.

    `stream` says how the backend answers, which need not be how the client is answered.

    `continuous_usage_stats` is vLLM's: each chunk then carries the usage so far, which is what a client that leaves
    has to pay. The maximum is sent in the fields that the client used and that count, never above what was reserved.
    """
    payload, unsent = request.payload, {*_OURS, *MAXIMA}
    body = {key: value for key, value in payload.items() if key not in unsent and value is not None}
    body["model"] = model
    body |= dict.fromkeys(maximum_fields(request), min(asked_output_tokens(request) or cap, cap))
    body["stream"] = stream
    if stream:
        body["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
    else:
        body.pop("stream_options", None)
    return body


async def as_asked(request: GatewayRequest, batches: Batches) -> Batches:
    """An answer as the client wants it: the chunks as they come, or one whole body."""
    collector = AnswerCollector(request.operation, choices(request.payload))
    async with aclosing(batches) as parts:
        async for chunks in parts:
            collector.feed(chunks if not request.stream else [])
            if request.stream:
                yield chunks
    if not request.stream and (body := collector.body())["choices"]:
        yield [body]


class Ending:
    """The clean end of an answer that is ended in the middle: what came is the answer, and it says why it ends."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        self._identity: Chunk = {}
        self._open: set[int] = set()

    @property
    def begun(self) -> bool:
        """Whether anything came that has to be ended."""
        return bool(self._identity)

    @property
    def open(self) -> bool:
        """Whether a choice began and has not ended."""
        return bool(self._open)

    def feed(self, chunks: list[Chunk]) -> None:
        """The next chunks that are given."""
        for chunk in chunks:
            for choice in chunk.get("choices") or ():
                ended = choice.get("finish_reason") is not None
                (self._open.discard if ended else self._open.add)(choice.get("index", 0))
        if not self._identity and chunks:
            kept = ("id", "object", "created", "model")
            self._identity = {name: chunks[0][name] for name in kept if name in chunks[0]} or {"object": ""}

    def chunks(self) -> list[Chunk]:
        """One chunk: each open choice ends by its length, as OpenAI's clients know it, with the cause beside it.

        The usage is this answer's, as that of one that ends by itself: the rest may not be known yet.
        """
        journey = self._journey
        assert journey.stopped
        code = journey.stopped.code
        used = journey.answering.usage if journey.answering else Usage()
        end = {"finish_reason": "length", "stop_reason": code}
        delta: Chunk = {"text": ""} if journey.request.operation == "text_completion" else {"delta": {}}
        usage = {
            "prompt_tokens": used.input_tokens,
            "completion_tokens": used.output_tokens,
            "total_tokens": used.total_tokens,
        }
        found = [{"index": index, **delta, "logprobs": None, **end} for index in sorted(self._open)]
        return [{**self._identity, "choices": found, "usage": usage, STOPPED: True}]


def wants_usage(payload: Mapping[str, Any]) -> bool:
    """Whether the client asked for the final usage chunk of a stream."""
    return bool((payload.get("stream_options") or {}).get("include_usage"))


def visible(chunks: list[Chunk], last: Chunk | None, *, stream: bool) -> tuple[list[Chunk], Chunk | None]:
    """The chunks to show now, and the one to hold back until the books are closed.

    Held back is a plain body, or a stream's final usage chunk (its `choices` are empty). The running usage that we
    asked for is taken out of content chunks, unasked for by the client.
    """
    if not stream:
        return [], chunks[-1] if chunks else last
    shown = []
    for chunk in chunks:
        if STOPPED in chunk:
            last = chunk
        elif chunk.get("choices") or "usage" not in chunk:
            chunk.pop("usage", None)
            shown.append(chunk)
        else:
            last = chunk
    return shown, last


def finish(journey: Journey, last: Chunk | None) -> list[Chunk]:
    """The chunk that was held back, with what is known only now: tier, cache result and cost."""
    if last is None or (journey.request.stream and not wants_usage(journey.request.payload) and STOPPED not in last):
        return []
    usage = {name: value for name, value in last.items() if name != STOPPED}
    if STOPPED in last and journey.request.stream and wants_usage(journey.request.payload):
        end = {name: value for name, value in usage.items() if name != "usage"}
        return [end, {**usage, "choices": [], "leanserve": account(journey)}]
    return [{**usage, "leanserve": account(journey)}]


def replayed(journey: Journey, hit: CacheHit) -> list[Chunk]:
    """A stored answer as the client wants it: chunks or one body, with a fresh id."""
    request = journey.request
    if not request.stream:
        return [{**as_whole(hit.answer, request.id), "leanserve": account(journey)}]
    chunks = as_stream(hit.answer, request.id, include_usage=wants_usage(request.payload))
    return [*chunks[:-1], {**chunks[-1], "leanserve": account(journey)}]


def account(journey: Journey) -> dict[str, Any]:
    """LeanServe's own object in the final chunk and in plain bodies; `stopped` where a budget ended the answer."""
    found: dict[str, Any] = {
        "request_id": journey.request.id,
        "tier": journey.tier,
        "cache": journey.cache,
        "cost_usd": journey.cost / 1_000_000,
    }
    return found | {"stopped": journey.stopped.body()["error"]} if journey.stopped else found
