"""Small turns of OpenAI's wire format between the client's view of a request and a backend's."""

from collections.abc import Mapping
from typing import Any

from app.budget.sizing import MAXIMA, asked_output_tokens, maximum_fields
from app.cache.replay import as_stream, as_whole
from app.domain import CacheHit, Chunk, GatewayRequest
from app.journey import Journey

_OURS = frozenset({"user", "metadata", "store"})
"""Fields for LeanServe, not for an engine."""


def backend_payload(request: GatewayRequest, model: str, cap: int) -> dict[str, Any]:
    """The body that a backend gets: its own model, at most `cap` output tokens a choice, and usage while it streams.

    `continuous_usage_stats` is vLLM's: each chunk then carries the usage so far, which is what a client that leaves
    has to pay. The maximum is sent in the fields that the client used and that count, never above what was reserved.
    """
    payload, unsent = request.payload, {*_OURS, *MAXIMA}
    body = {key: value for key, value in payload.items() if key not in unsent and value is not None}
    body["model"] = model
    body |= dict.fromkeys(maximum_fields(request), min(asked_output_tokens(request) or cap, cap))
    if payload.get("stream"):
        body["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
    else:
        body.pop("stream_options", None)
    return body


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
        if chunk.get("choices") or "usage" not in chunk:
            chunk.pop("usage", None)
            shown.append(chunk)
        else:
            last = chunk
    return shown, last


def finish(journey: Journey, last: Chunk | None) -> list[Chunk]:
    """The chunk that was held back, with what is known only now: tier, cache result and cost."""
    if last is None or (journey.request.stream and not wants_usage(journey.request.payload)):
        return []
    return [{**last, "leanserve": account(journey)}]


def replayed(journey: Journey, hit: CacheHit) -> list[Chunk]:
    """A stored answer as the client wants it: chunks or one body, with a fresh id."""
    request = journey.request
    if not request.stream:
        return [{**as_whole(hit.answer, request.id), "leanserve": account(journey)}]
    chunks = as_stream(hit.answer, request.id, include_usage=wants_usage(request.payload))
    return [*chunks[:-1], {**chunks[-1], "leanserve": account(journey)}]


def account(journey: Journey) -> dict[str, Any]:
    """LeanServe's own object in the final chunk and in plain bodies."""
    return {
        "request_id": journey.request.id,
        "tier": journey.tier,
        "cache": journey.cache,
        "cost_usd": journey.cost / 1_000_000,
    }
