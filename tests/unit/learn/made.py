"""Requests that are over, made without a gateway."""

from collections.abc import Mapping
from typing import Any

from app.config.policy import Policy
from app.domain import CacheHit, Caller, GatewayRequest, NormalizedPrompt, PromptKeys, RouteDecision, Usage
from app.journey import AttemptOutcome, AttemptRecord, Journey
from app.learn.journal import RouteJournal
from app.store.client import Store

P = {"small": 0.7, "large": 0.95}
PROMPT = NormalizedPrompt("text", PromptKeys("key", "context"), 10, b"")


def attempt(tier: str, outcome: AttemptOutcome = AttemptOutcome.SUCCESS, first: float | None = 0.1) -> AttemptRecord:
    """One call that is over."""
    return AttemptRecord(tier, f"{tier}/echo", "model", outcome, first_chunk_s=first)


def ended(
    request_id: str = "req-1",
    tenant: str = "acme",
    feature: str = "faq",
    *,
    attempts: tuple[AttemptRecord, ...] | None = None,
    policy: Mapping[str, Any] | None = None,
    payload: Mapping[str, Any] | None = None,
    **decided: Any,
) -> Journey:
    """A request for `auto` that the router gave to `small`, which answered, unless the test says otherwise."""
    request = GatewayRequest(request_id, "chat", payload or {"model": "auto"}, Caller(tenant, feature=feature))
    journey = Journey(request, Policy.model_validate(policy or {}))
    fields = {"tier": "small", "score": 0.2, "reason": "test", "fallbacks": ("large",), "p": P}
    journey.decision = RouteDecision(**{**fields, **decided})
    journey.attempts = [*(attempts if attempts is not None else (attempt("small"),))]
    return journey


def hit(request_id: str = "req-1", tenant: str = "acme") -> Journey:
    """A request that the cache answered."""
    journey = ended(request_id, tenant, attempts=())
    journey.decision = None
    journey.hit = CacheHit("exact", "00", 1.0, 1.0, {}, Usage(), "small")
    return journey


async def ids(store: Store, index: str, tenant: str = "acme") -> set[str]:
    """Whose records an index has."""
    found = await store.command("ZRANGE", store.keys.learn(tenant) + index, 0, -1)
    return {name.decode() for name in found}


async def fields(store: Store, request_id: str = "req-1", tenant: str = "acme") -> dict[str, bytes]:
    """A record as Redis has it."""
    found = await store.command("HGETALL", f"{store.keys.learn(tenant)}record:{request_id}")
    pairs = found.items() if isinstance(found, dict) else zip(found[::2], found[1::2], strict=True)
    return {name.decode(): value for name, value in pairs}


def journal_of(store: Store, **options: Any) -> RouteJournal:
    """One that writes when the test says so."""
    return RouteJournal(store, **{"delay_s": 60, **options})
