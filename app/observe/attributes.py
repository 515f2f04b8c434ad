"""Attributes of spans: names of OpenTelemetry's GenAI conventions v1.41 where they exist, `leanserve.*` elsewhere.

Cost and tokens are on attempts only, so that summing over all spans counts nothing twice. Stop sequences are left out:
they are text of the prompt's author.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

from app.domain import CacheHit, CacheMiss, GatewayRequest, RouteDecision, RouteTerms
from app.journey import AttemptRecord, CascadeRecord, Journey
from app.observe.labels import clean

Attributes = dict[str, str | int | float | bool]

SHADOW: Attributes = {"leanserve.shadow": True}
"""What the spans of a shadow call are marked with: no client waited for it."""

_PARAMETERS = {
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "stream": "gen_ai.request.stream",
}


def request_attributes(journey: Journey) -> Attributes:
    """What is known when the request starts."""
    request = journey.request
    return {
        "gen_ai.operation.name": request.operation,
        "gen_ai.request.model": clean(request.model),
        "leanserve.request.id": clean(request.id),
        "leanserve.policy.version": clean(journey.policy.version),
        **_caller(request),
        **_parameters(request.payload),
    }


def _caller(request: GatewayRequest) -> Attributes:
    caller = request.caller
    return _said(
        {
            "leanserve.tenant": caller.tenant,
            "leanserve.team": caller.team,
            "leanserve.feature": caller.feature,
            "leanserve.user": caller.user,
            "leanserve.session": caller.session,
            "gen_ai.conversation.id": caller.session,
            "leanserve.lane": str(caller.lane),
        }
    )


def _parameters(payload: Mapping[str, Any]) -> Attributes:
    found = ((name, payload.get(key)) for key, name in _PARAMETERS.items())
    return {name: value for name, value in found if _is_number(value)}


def _is_number(value: object) -> TypeGuard[int | float]:
    # OTLP's integers have 64 bits; a larger one would fail the whole batch.
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63)


def _said(texts: Mapping[str, str]) -> Attributes:
    return {name: clean(text) for name, text in texts.items() if text}


def answer_attributes(journey: Journey) -> Attributes:
    """What is known when the request ends: who answered and why."""
    known: Attributes = _said(
        {
            "leanserve.cache": journey.cache,
            "leanserve.tier": journey.tier,
            "gen_ai.response.model": _response_model(journey),
        }
    )
    if journey.timings:
        known["leanserve.stages_ms"] = _stages(journey.timings)
    known |= _cache(journey) | _cascade(journey.cascade)
    return known | (_route(journey.decision, journey.terms) if journey.decision else {})


def _stages(timings: Mapping[str, float]) -> str:
    """`cache.exact=0.41 route=2.07`: one attribute, since each costs as much as what some of them tell."""
    return " ".join(f"{name}={seconds * 1000:.2f}" for name, seconds in timings.items())


def _route(decision: RouteDecision, terms: RouteTerms | None) -> Attributes:
    """Where it was sent, why, and which constraint kept which tier out."""
    excluded = terms.excluded.items() if terms else ()
    known = _said(
        {
            "leanserve.route.tier": decision.tier,
            "leanserve.route.reason": decision.reason,
            "leanserve.route.session_tier": terms.session_tier if terms else "",
            "leanserve.route.excluded": "; ".join(f"{tier}: {reason}" for tier, reason in excluded),
        }
    )
    known["leanserve.route.uncertain"] = decision.uncertain
    known |= {f"leanserve.route.p.{tier}": p for tier, p in decision.p.items()}
    return known if decision.score is None else {**known, "leanserve.route.score": decision.score}


def _cache(journey: Journey) -> Attributes:
    """How far the answer may be cached; of a hit, or of the best candidate that was refused, how alike and why."""
    known: Attributes = {"leanserve.cache.eligibility": journey.eligibility}
    known |= _said({"leanserve.cache.reason": journey.cache_reason})
    found: CacheHit | CacheMiss | None = journey.hit or journey.miss
    if journey.hit:
        known |= {"leanserve.cache.entry": journey.hit.entry_id, "leanserve.cache.age": journey.hit.age_s}
    if found and found.similarity is not None:
        known["leanserve.cache.similarity"] = found.similarity
    if found and found.p_same is not None:
        known["leanserve.cache.probability"] = found.p_same
    return known


def _cascade(cascade: CascadeRecord | None) -> Attributes:
    """What became of a first answer, and the confidence in it, 0–1."""
    if cascade is None:
        return {}
    known: Attributes = {"leanserve.cascade": str(cascade)}
    return known if cascade.confidence is None else {**known, "leanserve.cascade.confidence": cascade.confidence}


def _response_model(journey: Journey) -> str:
    if journey.hit:
        return str(journey.hit.answer.get("model", ""))
    return journey.answering.model if journey.answering else ""


def attempt_attributes(record: AttemptRecord, operation: str) -> Attributes:
    """Whom an attempt calls."""
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider(record.backend),
        "gen_ai.request.model": record.model,
        "leanserve.tier": record.tier,
        "leanserve.backend": record.backend,
    }


def provider(backend: str) -> str:
    """`small/openai-2` → `openai`."""
    return backend.rpartition("/")[2].partition("-")[0]


def spent_attributes(record: AttemptRecord) -> Attributes:
    """What an attempt used, cost and came to."""
    spent: Attributes = {
        "gen_ai.usage.input_tokens": record.usage.input_tokens,
        "gen_ai.usage.output_tokens": record.usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": record.usage.cached_tokens,
        "leanserve.cost.micro_usd": record.cost,
        "leanserve.attempt.outcome": str(record.outcome),
    }
    if record.cause:
        spent["leanserve.attempt.cause"] = clean(record.cause)
    if record.first_chunk_s is not None:
        spent["gen_ai.response.time_to_first_chunk"] = record.first_chunk_s
    return spent
