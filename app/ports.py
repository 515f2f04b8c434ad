"""The seams: Protocols of one to three methods. Local objects and Ray handles answer to the same ones."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from app.config.policy import CachePolicy
from app.config.routing import RoutingPolicy
from app.domain import (
    Amounts,
    Answer,
    BackendCall,
    CacheHit,
    CacheMiss,
    Caller,
    Chunk,
    GatewayRequest,
    Limit,
    NormalizedPrompt,
    PromptKeys,
    Refusal,
    Reservation,
    RouteDecision,
    RouteTerms,
    Scope,
    ScopeStopped,
    StoredPrompt,
    Verdict,
)


class Embedder(Protocol):
    """Text to unit vectors."""

    async def embed(self, texts: Sequence[str], *, bulk: bool = False) -> list[bytes]:
        """One little-endian float32 unit vector per text. What is `bulk` lets all else go first."""
        ...


class Normalizer(Protocol):
    """A request to what the later stages read of it."""

    async def normalize(self, request: GatewayRequest, keys: PromptKeys, text: str) -> NormalizedPrompt:
        """Embed the canonical `text` and estimate the tokens of `request`."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """The graph's embedder, for `/v1/embeddings`: behind the prompts that are being normalized."""
        ...

    async def count(self, request: GatewayRequest) -> dict[str, int]:
        """The exact input tokens of `request` by tier; tiers whose tokenizer is not known are absent."""
        ...


class Verifier(Protocol):
    """Whether the answer to one prompt serves another."""

    @property
    def version(self) -> str:
        """Changes with the weights and the rules; part of an entry's identity."""
        ...

    async def verify(self, asked: str, stored: Sequence[StoredPrompt]) -> list[Verdict]:
        """One verdict per stored prompt, in order. May raise or be late: the caller takes that for a miss."""
        ...

    def operating_point(self, max_false_hit_rate: float) -> float:
        """The least `p_same` at which the calibrated share of false hits stays below the given rate."""
        ...


class SemanticCache(Protocol):
    """Answers of the past, by meaning."""

    async def lookup(self, caller: Caller, prompt: NormalizedPrompt, policy: CachePolicy) -> CacheHit | CacheMiss:
        """The best entry that may answer and is at most `policy.ttl_s` old. Never raises for a fault of the store."""
        ...

    async def store(self, caller: Caller, prompt: NormalizedPrompt, answer: Answer, policy: CachePolicy) -> None:
        """Keep a complete answer under its canonical key and in its context's vector set."""
        ...


class ComplexityRouter(Protocol):
    """Which tier is good enough."""

    async def route(self, prompt: NormalizedPrompt, terms: RouteTerms, policy: RoutingPolicy) -> RouteDecision:
        """Of the tiers that `terms` allow, the cheapest that can do the job; not sure means the better one."""
        ...


class BudgetLedger(Protocol):
    """Hard limits: reserve before, extend on the way, settle after."""

    async def reserve(
        self, reservation_id: str, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        """Hold `amounts` in all limits or in none, unless a scope of `caller` is stopped. Durable before it returns."""
        ...

    async def extend(
        self, reservation: Reservation, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        """Hold `amounts` in all instead, more or less than before, by the `limits` of now; refused, nothing changes.

        Raises `ReservationClosed` where it was settled or reclaimed: what is spent from then on nobody granted.
        """
        ...

    async def made(self, reservation: Reservation, attempt: int) -> int | None:
        """Output tokens that the engine of an attempt says it made, where that was cut off; None until it does."""
        ...

    async def settle(self, reservation: Reservation, spent: Amounts) -> None:
        """Replace what was held by what was spent. Idempotent. `settle(r, Amounts())` releases."""
        ...


class Stops(Protocol):
    """The kill switch: who is stopped gets nothing more, on every replica, within a second."""

    async def stop(self, scope: Scope, reason: str, *, sparing: str | None = None) -> str:
        """Refuse what `scope` asks for from now on, and end its live streams; the reason that stands.

        A second stop replaces the reason, unless that begins with `sparing`.
        """
        ...

    async def resume(self, scope: Scope, *, sparing: str | None = None) -> bool:
        """Let it go on, unless the reason begins with `sparing`: whether it does. Harmless where it was not stopped."""
        ...

    async def stops(self, tenant: str | None = None) -> Sequence[ScopeStopped]:
        """The stopped scopes of `tenant`, or of all."""
        ...


class Backend(Protocol):
    """One place where a model answers: a vLLM deployment, an OpenAI-compatible upstream, an echo."""

    @property
    def name(self) -> str:
        """Unique in the configuration, e.g. `small/vllm`."""
        ...

    def send(self, call: BackendCall) -> AsyncGenerator[list[Chunk], None]:
        """Answer with batches of chunks when `call.stream`, else with one batch of one whole body.

        Raises the errors below `BackendError`. Closing the generator stops the engine's work.
        """
        ...

    async def ready(self) -> bool:
        """Whether a call would be taken now."""
        ...
