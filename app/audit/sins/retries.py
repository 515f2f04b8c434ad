"""Retry spiral: attempts that were paid for, failed, and bought nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from app.audit.case import Case, Line, Lines
from app.audit.change import for_features
from app.audit.finding import Change, Place
from app.audit.notes import Noted
from app.audit.sins.sin import Look
from app.audit.terms import Terms

INVALID = "invalid_output"
SPIRAL = frozenset({"timeout", "overload", "connection", "server_error", INVALID})
"""Causes that are tried again. A limit that stopped, a client that left, a replica that died are not the app's ways."""

BROKEN = frozenset({"overload", "connection", "server_error"})
"""Of those, what asking again at once makes worse."""

LEAST_FAILURES = 0.02
"""Of all attempts: a backend that keeps two nines fails one in a hundred, and twice that is its bad day."""


class RetrySpiral:
    """By cause: each has its own cure."""

    name: ClassVar[str] = "retry_spiral"
    title: ClassVar[str] = "Retry spiral"
    rule: ClassVar[str] = (
        "All that was paid for attempts that failed by time-out, overload, connection, server error or invalid output, "
        "in features where one attempt in fifty or more did. Losers of a hedge, shadow calls and first answers of a "
        "cascade that only looked unsure are meant and are not counted."
    )
    assumed: ClassVar[str] = "That without the cause the attempt that answered would have been the only one."
    unit: ClassVar[str] = "attempts"
    least_ratio: ClassVar[float] = LEAST_FAILURES
    by_cause: ClassVar[bool] = False

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def looks(self, noted: Noted) -> Iterable[Look]:
        """Every attempt that the request needed."""
        own = [line for line in noted.case.lines if line.own]
        failed = Counter(line.cause for line in own if _is_failure(line))
        if own:
            yield Look("", 0, len(own) - failed.total())
        for cause in sorted(failed):
            yield Look(cause, failed[cause], failed[cause])

    def fixed(self, case: Case, lines: Lines, cause: str) -> Lines:
        """Those are not made."""
        return tuple(line for line in lines if not (_is_failure(line) and line.cause == cause))

    def sure(self, case: Case, saved: int) -> int:
        """What the books say."""
        return 0 if case.estimated else saved

    def change(self, places: Sequence[Place], days: float) -> Change:
        """More patience for what is only slow, less for what is broken, a better tier for what is invalid."""
        causes, attempts = {place.cause for place in places}, self._terms.policy.attempts
        found: dict[str, Any] = {}
        if "timeout" in causes:
            names = ("first_token_timeout_s", "next_token_timeout_s", "total_timeout_s")
            found |= {name: 2 * getattr(attempts, name) for name in names}
        if causes & BROKEN:
            found["breaker_failures"] = max(1, min(2, attempts.breaker_failures - 1))
            found["breaker_reset_s"] = 4 * attempts.breaker_reset_s
        better = self._better([place for place in places if place.cause == INVALID])
        advice = "Let the app's own retries wait, with jitter, and end; LeanServe's come first."
        return Change({**({"attempts": found} if found else {}), **better}, advice=advice)

    def _better(self, places: Sequence[Place]) -> Mapping[str, Any]:
        """The floor above the cheapest tier: what it cannot write well it is not asked for."""
        if not places or len(self._terms.tiers) < 2:
            return {}
        return for_features(places, {"routing": {"min_tier": self._terms.tiers[1].name}})


def _is_failure(line: Line) -> bool:
    """A first answer of a cascade that cannot be used was no failure to its backend, but is one to who pays."""
    return line.own and line.cause in SPIRAL and (line.failed or line.cause == INVALID)
