"""A journey that is over to its ledger record: the numbers that its spans and metrics told, one entry an attempt."""

import msgspec

from app.domain import CacheHit, Usage
from app.domain.request_id import time_of
from app.errors import ConfigError, HedgeLost
from app.journey import AttemptOutcome, AttemptRecord, Journey
from app.ledger.record import Against, AttemptEntry, Cause, LedgerRecord, Role
from app.observe.labels import clean
from app.observe.recording import Ended

EMBEDDINGS = "embeddings"

_CAUSES: dict[str, Cause] = {
    "timeout": "timeout",
    "overloaded": "overload",
    "connection": "connection",
    "unavailable": "connection",
    "backend_unavailable": "connection",
    "5xx": "server_error",
    "backend_error": "server_error",
    "internal": "server_error",
    "internal_error": "server_error",
    "store_unavailable": "server_error",
    "reservation_closed": "server_error",
    "config_error": "server_error",
    "client_left": "client_left",
    "rejected": "rejected",
    "budget_exceeded": "stopped",
    "scope_stopped": "stopped",
    "session_stopped": "stopped",
    "agent_loop": "stopped",
    "answer_stopped": "stopped",
    "hedge_lost": "",
}
"""By the words of `app/tiers/causes.py` and the codes of `app/errors`; every other code is a wrong request's."""
_DOUBT = "unsure_"
_INVALID = frozenset({"unsure_structure", "unsure_empty", "unsure_truncated"})
"""What makes a first answer useless by itself; the rest are guesses about it."""


def record_of(journey: Journey, end: Ended, now: float, replica: str = "") -> LedgerRecord:
    """The record of a journey that has ended so `now`, seconds since 1970; `against` claims no savings: it is its cost.

    Names are cut and cleaned as in spans: a lone surrogate, legal in JSON, would be no MessagePack.
    """
    request, caller, decision, hit = journey.request, journey.request.caller, journey.decision, journey.hit
    answering, detail = journey.answering, end.cause or (journey.stopped.code if journey.stopped else "")
    cost, said = int(journey.cost), journey.appraised or decision
    return LedgerRecord(
        id=request.id,
        at=came_at(request.id, now - end.duration_s),
        operation=request.operation,
        tenant=clean(caller.tenant),
        team=clean(caller.team),
        feature=clean(caller.feature),
        user=clean(caller.user),
        session=clean(caller.session),
        key=clean(caller.key),
        lane=str(caller.lane),
        model=clean(request.model),
        stream=request.stream,
        tier=journey.tier,
        backend=answering.backend if answering and not hit else "",
        served=_served(hit, answering),
        decided=journey.decided,
        reason=decision.reason if decision else "",
        score=decision.score if decision else None,
        uncertain=bool(said and said.uncertain),
        cache=journey.cache,
        cache_reason=clean(journey.cache_reason),
        outcome=end.outcome.value,
        cause=cause_of(detail),
        detail=clean(detail),
        attempts=tuple(entry_of(journey, each, end.shadow) for each in journey.attempts),
        charged_micro_usd=int(journey.charged.micro_usd),
        first_chunk_ms=_ms(end.first_chunk_s),
        duration_ms=end.duration_s * 1000,
        against=Against(cost, cost, cost),
        hit_input_tokens=hit.usage.input_tokens if hit else 0,
        hit_output_tokens=hit.usage.output_tokens if hit else 0,
        trace=end.trace,
        policy=clean(journey.policy.version),
        replica=replica,
        estimated=any(each.estimated for each in journey.attempts),
        kept=journey.kept,
        eligibility=journey.eligibility,
        step=journey.did,
        routed=journey.appraised.tier if journey.appraised else "",
        p=tuple(said.p.items()) if said else (),
        canonical=journey.canonical[:16],
    )


def begun_of(journey: Journey, now: float, replica: str = "") -> LedgerRecord:
    """The record that a journey has if its replica dies now."""
    record = record_of(journey, Ended(AttemptOutcome.FAILED, ""), now, replica)
    return msgspec.structs.replace(record, cause="lost", estimated=True)


def claiming_nothing(record: LedgerRecord) -> LedgerRecord:
    """The record with no savings: what it would have cost is what it cost."""
    return msgspec.structs.replace(record, against=Against(record.micro_usd, record.micro_usd, record.micro_usd))


def planned_entry(journey: Journey, tier: str, *, shadow: bool = False) -> AttemptEntry:
    """An attempt at `tier` that is about to be reserved: no backend has it, and nothing is spent on it yet."""
    role: Role = "embedding" if journey.request.operation == EMBEDDINGS else "shadow" if shadow else "answer"
    return AttemptEntry(tier, "", "", role, "failed", "lost")


def sent_entry(journey: Journey, attempt: AttemptRecord, *, shadow: bool = False) -> AttemptEntry:
    """An attempt of which nothing is known but that its input was sent, about so many tokens."""
    usage = Usage(input_tokens=journey.input_estimate)
    try:
        cost = int(journey.prices.cost(attempt.tier, attempt.backend, usage))
    except ConfigError:
        cost = 0  # what is priced nowhere (embeddings) costs nothing
    entry = entry_of(journey, attempt, shadow)
    told = {"outcome": "failed", "cause": "lost", "input_tokens": usage.input_tokens, "micro_usd": cost}
    return msgspec.structs.replace(entry, **told)


def entry_of(journey: Journey, attempt: AttemptRecord, shadow: bool = False) -> AttemptEntry:
    """One attempt."""
    doubt = attempt.cause.startswith(_DOUBT)
    cause = ("invalid_output" if attempt.cause in _INVALID else "") if doubt else cause_of(attempt.cause)
    return AttemptEntry(
        tier=attempt.tier,
        backend=attempt.backend,
        model=attempt.model,
        role="shadow" if shadow else _role(journey, attempt),
        outcome=(attempt.outcome or AttemptOutcome.FAILED).value,
        cause=cause,
        detail=clean(attempt.cause),
        input_tokens=attempt.usage.input_tokens,
        cached_tokens=attempt.usage.cached_tokens,
        output_tokens=attempt.usage.output_tokens,
        reasoning_tokens=attempt.usage.reasoning_tokens,
        micro_usd=int(attempt.cost),
        price=attempt.price,
        first_chunk_ms=_ms(attempt.first_chunk_s),
        duration_ms=attempt.duration_s * 1000,
        beside=attempt.hedge,
    )


def cause_of(detail: str) -> Cause:
    """The cause behind a word or code, and what ended a budget's or a session's request is `stopped`."""
    return _CAUSES.get(detail, "rejected") if detail else ""


def came_at(request_id: str, otherwise: float) -> float:
    """When a request came: its id says so. A shadow call's is its request's with a word behind it."""
    known = time_of(request_id.removesuffix("-shadow"))
    return otherwise if known is None else known


def _role(journey: Journey, attempt: AttemptRecord) -> Role:
    if journey.request.operation == EMBEDDINGS:
        return "embedding"
    if attempt is journey.answering:
        return "answer"
    if attempt.cause == HedgeLost.code:
        return "hedge"
    if attempt.outcome is AttemptOutcome.SUCCESS:
        return "draft"
    return "hedge" if attempt.hedge else "retry"


def _served(hit: CacheHit | None, answering: AttemptRecord | None) -> str:
    if hit:
        return clean(str(hit.answer.get("model", "")))
    return clean(answering.model) if answering else ""


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
