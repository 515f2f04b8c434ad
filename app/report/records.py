"""Single requests as they are told: a line of a list, and all that is known of one."""

from typing import Any

import msgspec

from app.ledger.record import AttemptEntry, LedgerRecord
from app.ledger.rollups import is_wasted
from app.report.figures import savings
from app.report.window import iso

_LINE = (
    *("operation", "feature", "team", "user", "session", "lane", "model", "stream", "tier", "backend", "served"),
    *("decided", "reason", "cache", "outcome", "cause", "detail", "input_tokens", "cached_tokens", "output_tokens"),
    *("micro_usd", "first_chunk_ms", "duration_ms", "estimated"),
)
_MORE = (
    *("tenant", "key", "score", "uncertain", "cache_reason", "charged_micro_usd", "trace", "policy", "replica"),
    *("kept", "eligibility", "hit_input_tokens", "hit_output_tokens", "step", "routed", "canonical"),
)


def line_of(record: LedgerRecord) -> dict[str, Any]:
    """A request in a list. Tokens and money are of all its attempts, `micro_usd` with what a hit was priced at."""
    return {
        "object": "request",
        "id": record.id,
        "at": iso(record.at),
        **{name: getattr(record, name) for name in _LINE},
        "reasoning_tokens": sum(each.reasoning_tokens for each in record.attempts),
        "wasted_micro_usd": sum(each.micro_usd for each in record.attempts if is_wasted(each)),
        "attempt_count": len(record.attempts),
    }


def all_of(record: LedgerRecord) -> dict[str, Any]:
    """All that is known of a request."""
    against = record.against
    return {
        **line_of(record),
        **{name: getattr(record, name) for name in _MORE},
        "p": dict(record.p),
        "attempts": [attempt_of(each) for each in record.attempts],
        "anatomy": msgspec.structs.asdict(record.anatomy),
        "savings": savings(against.nothing, against.cache, against.routing, record.micro_usd),
    }


def attempt_of(entry: AttemptEntry) -> dict[str, Any]:
    """One call of a backend; `wasted` where nobody was given its answer."""
    return {**msgspec.structs.asdict(entry), "wasted": is_wasted(entry)}
