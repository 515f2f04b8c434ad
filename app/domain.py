"""Frozen data that crosses a stage or a hop: what the nouns of LeanServe are made of.

Everything here pickles, compares by value and holds no behaviour beyond arithmetic on itself.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NewType

MicroUsd = NewType("MicroUsd", int)
"""Money: whole millionths of a US dollar. A `Cost` is never a float."""

Chunk = dict[str, Any]
"""One JSON object of OpenAI's wire format: a stream's chunk, or the whole body of a plain response."""
Operation = Literal["chat", "text_completion"]
"""`gen_ai.operation.name` of OpenTelemetry's GenAI conventions, v1.41."""

DEFAULT_TENANT = "default"
AUTO_MODEL = "auto"


class Lane(StrEnum):
    """Who waits: a person (`interactive`) or a job (`batch`)."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose account a request runs. Empty strings mean "not said"."""

    tenant: str = DEFAULT_TENANT
    team: str = ""
    feature: str = ""
    user: str = ""
    session: str = ""
    lane: Lane = Lane.INTERACTIVE


@dataclass(frozen=True, slots=True)
class CacheControl:
    """What the client asked of the cache (`x-leanserve-cache`): it may be stricter than the policy, never laxer."""

    read: bool = True
    write: bool = True


@dataclass(frozen=True, slots=True)
class GatewayRequest:
    """One validated request.

    `payload` is the client's JSON body, untouched: parameters that LeanServe has no opinion on reach the engine
    as they came. `trace_context` holds the W3C headers (`traceparent`, `tracestate`) of the caller's span, if any.
    `body_bytes` is the size of the body on the wire. `id` is made here, never by the client: grants hang on it.
    """

    id: str
    operation: Operation
    payload: Mapping[str, Any]
    caller: Caller = field(default_factory=Caller)
    cache_control: CacheControl = field(default_factory=CacheControl)
    trace_context: Mapping[str, str] = field(default_factory=dict)
    body_bytes: int = 0

    @property
    def model(self) -> str:
        """The requested model: `auto`, a tier's name or a model id."""
        return str(self.payload["model"])

    @property
    def stream(self) -> bool:
        """Whether the client wants server-sent events."""
        return bool(self.payload.get("stream"))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one attempt. `cached_tokens` (prefix cache) are part of `input_tokens`."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True)
class PromptKeys:
    """The identities of a prompt, hex SHA-256 each.

    `canonical_key` names the whole request after canonicalization: equal keys want the same answer. `context_key` names
    everything but the last user message. `neighbourhood` names the vector set in which the prompt may be compared by
    meaning, among prompts of the same context; empty where it may not.
    """

    canonical_key: str
    context_key: str
    neighbourhood: str = ""


@dataclass(frozen=True, slots=True)
class NormalizedPrompt:
    """What the later stages read of a prompt.

    `text` is the canonical last user message; `embedding` its unit vector as little-endian float32 bytes (384 × 4 for
    MiniLM-L6); `token_estimate` the estimated input tokens of the whole request.
    """

    text: str
    keys: PromptKeys
    token_estimate: int
    embedding: bytes


@dataclass(frozen=True, slots=True)
class CacheHit:
    """A stored answer that may be replayed. `similarity` is a cosine, 0–1; 1.0 for an exact hit."""

    kind: Literal["exact", "semantic"]
    entry_id: str
    similarity: float
    age_s: float
    answer: Chunk
    usage: Usage
    tier: str


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """Which tier first, why, and which better tiers may stand in. `score` is the complexity, 0 (easy) to 1 (hard)."""

    tier: str
    score: float | None
    reason: str
    fallbacks: tuple[str, ...] = ()

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tiers to attempt, in order."""
        return (self.tier, *self.fallbacks)


class Window(StrEnum):
    """The calendar period (UTC) in which a limit counts; `total` never ends."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


class Unit(StrEnum):
    """What a limit counts."""

    TOKENS = "tokens"
    MICRO_USD = "micro_usd"


ScopeKind = Literal["tenant", "team", "feature", "user", "session"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Something that can spend: a tenant, or a team, feature, user or session of one."""

    tenant: str
    kind: ScopeKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Limit:
    """A hard limit on one scope: at most `amount` of `unit` in each `window`."""

    scope: Scope
    unit: Unit
    amount: int
    window: Window


@dataclass(frozen=True, slots=True)
class Hold:
    """One counter of the ledger that a reservation holds `amount` in."""

    key: str
    unit: Unit
    amount: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """A durable grant to spend up to `tokens` and `cost`. Settle or release it exactly once; both are idempotent."""

    id: str
    tenant: str
    tokens: int
    cost: MicroUsd
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class BudgetExceeded:
    """Why a reservation was refused: the first limit that it did not fit in. `resets_in_s` is None for `total`."""

    limit: Limit
    remaining: int
    requested: int
    resets_in_s: float | None


@dataclass(frozen=True, slots=True)
class BackendCall:
    """What a backend is asked to do.

    `payload` is the client's body with the backend's own model name, a clamped `max_tokens`, and usage always asked
    for when it streams. `trace_context` holds the W3C headers of the attempt's span. `input_tokens` is the estimate
    that is paid when the answer is cut before its usage is known.
    """

    request_id: str
    operation: Operation
    payload: dict[str, Any]
    trace_context: Mapping[str, str] = field(default_factory=dict)
    input_tokens: int = 0

    @property
    def stream(self) -> bool:
        """Whether the backend answers with chunks."""
        return bool(self.payload.get("stream"))

    @property
    def prompt(self) -> str:
        """What the engine reads, as text: prefix-aware request routing looks for an attribute of this name."""
        return json.dumps(self.payload.get("messages") or self.payload.get("prompt"), ensure_ascii=False)
