"""Who asks, and what: one validated request, and what becomes of it at a backend."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from app.domain.agents import StepHints
from app.domain.budget import Grant

Chunk = dict[str, Any]
"""One JSON object of OpenAI's wire format: a stream's chunk, or the whole body of a plain response."""


Operation = Literal["chat", "text_completion", "embeddings"]
"""`gen_ai.operation.name` of OpenTelemetry's GenAI conventions, v1.41."""


DEFAULT_TENANT = "default"


AUTO_MODEL = "auto"


class Lane(StrEnum):
    """Who waits: a person (`interactive`) or a job (`batch`)."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


LARGE_BODY_BYTES = 65_536
"""Above it reading a whole body takes milliseconds (0.2 ms for 4 KB, up to seconds for a hostile megabyte): a thread's
work, not the event loop's."""


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose account a request runs. Empty strings mean "not said". `key` is the id of the API key, never the key.

    `above` names the sessions that began `session`, nearest first; nobody knows them before its step has begun.
    `former` are the ids of the keys that `key` took over from, the first of them first.
    """

    tenant: str = DEFAULT_TENANT
    team: str = ""
    feature: str = ""
    user: str = ""
    session: str = ""
    lane: Lane = Lane.INTERACTIVE
    key: str = ""
    above: tuple[str, ...] = ()
    former: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CacheControl:
    """What the client asked of the cache (`x-leanserve-cache`): it may be stricter than the policy, never laxer.

    `only_if_cached` refuses to call a model; `max_age_s` refuses older entries. `tags` label what is kept, for
    invalidation (`x-leanserve-cache-tags`).
    """

    read: bool = True
    write: bool = True
    only_if_cached: bool = False
    max_age_s: float | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GatewayRequest:
    """One validated request.

    `payload` is the client's JSON body, untouched: parameters that LeanServe has no opinion on reach the engine
    as they came. `trace_context` holds the W3C headers (`traceparent`, `tracestate`) of the caller's span, if any.
    `body_bytes` is the size of the body on the wire. `id` is made here, never by the client: grants hang on it.
    `min_tier` and `max_tier` are the client's own bounds (`x-leanserve-min-tier`, `-max-tier`), names as it wrote them.
    `tiers` are those that the key has a right to, None for all.
    """

    id: str
    operation: Operation
    payload: Mapping[str, Any]
    caller: Caller = field(default_factory=Caller)
    cache_control: CacheControl = field(default_factory=CacheControl)
    trace_context: Mapping[str, str] = field(default_factory=dict)
    body_bytes: int = 0
    min_tier: str = ""
    max_tier: str = ""
    step: StepHints = field(default_factory=StepHints)
    tiers: tuple[str, ...] | None = None

    @property
    def model(self) -> str:
        """The requested model: `auto`, a tier's name or a model id."""
        return str(self.payload["model"])

    @property
    def stream(self) -> bool:
        """Whether the client wants server-sent events."""
        return bool(self.payload.get("stream"))


@dataclass(frozen=True, slots=True)
class BackendCall:
    """What a backend is asked to do.

    `payload` is the client's body with the backend's own model name, a clamped `max_tokens`, and usage always asked
    for when it streams. `trace_context` holds the W3C headers of the attempt's span. `input_tokens` is the estimate
    that is paid when the answer is cut before its usage is known. `grant` is how far an engine of ours may go; None
    where nothing limits it, or it cannot be cut.
    """

    request_id: str
    operation: Operation
    payload: dict[str, Any]
    trace_context: Mapping[str, str] = field(default_factory=dict)
    input_tokens: int = 0
    grant: Grant | None = None

    @property
    def stream(self) -> bool:
        """Whether the backend answers with chunks."""
        return bool(self.payload.get("stream"))

    @property
    def prompt(self) -> str:
        """What the engine reads, as text: prefix-aware request routing looks for an attribute of this name."""
        return json.dumps(self.payload.get("messages") or self.payload.get("prompt"), ensure_ascii=False)
