"""Context amnesia: a prompt that was answered not long ago is answered by a model again."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from app.audit.case import CHARGE, Case, Line, Lines, total
from app.audit.finding import Change, Place
from app.audit.notes import OTHER, Noted
from app.audit.sins.sin import Look
from app.audit.terms import Terms

OFF, EVICTED = "policy", "evicted"
SWITCHES = {"tools": "tools", "structured_output": "structured_output", "seed": "seed"}
"""Reasons of a request that was not cached, which a switch of `cache.eligibility` by that name undoes at no risk: the
very same request gets the very same answer. Temperature, n, and questions on the moment or the asker are not here: an
answer to those is not one for others."""


def memory_key(case: Case, terms: Terms) -> str:
    """Equal for cases of which one's answer could serve the other; empty where none could."""
    if not case.repeat or cause_of(case) is None:
        return ""
    shared = terms.policy_of(case.feature).cache.scope == "tenant"
    return "\0".join((case.repeat, case.feature, case.model, "" if shared else case.user))


def cause_of(case: Case) -> str | None:
    """Why the case was not answered from the cache, in a word; None where it was, or could not have been."""
    if case.eligibility == "no":
        return case.cache_reason if case.cache_reason in {OFF, *SWITCHES} else None
    return EVICTED if case.cache == "miss" and case.cache_reason != "no-cache" else None


class ContextAmnesia:
    """Remembers, of the memory key that it is shown just now, the answer that a cache would hold."""

    name: ClassVar[str] = "context_amnesia"
    title: ClassVar[str] = "Context amnesia"
    rule: ClassVar[str] = (
        "All that was paid for requests that as a whole, by their canonical key, were answered before, at most the "
        "feature's cache.ttl_s ago, and that were not cached though they could have been: the cache was off for them, "
        "or what was kept had to go. Not counted: a repetition in the same session (who asks again wants another "
        "answer), with no-cache, at a temperature above the policy's, on the moment or the asker."
    )
    assumed: ClassVar[str] = (
        "Of records without a canonical key, that requests of one text ask for the same sampling. Prompts that are "
        "only alike are not counted: what a semantic hit would save comes on top."
    )
    unit: ClassVar[str] = "requests"
    least_ratio: ClassVar[float] = 0.0
    by_cause: ClassVar[bool] = False

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._key = ""
        self._kept_at: float | None = None

    def looks(self, noted: Noted) -> Iterable[Look]:
        """Every case that reached a model."""
        case = noted.case
        if noted.memory != self._key:
            self._key, self._kept_at = noted.memory, None
        if case.lines and not noted.looped:
            cause = cause_of(case) if noted.memory else None
            found = cause is not None and self._is_known(case) and not noted.again
            yield Look(cause or "", part=int(found))
            if cause is not None and not found:
                self._keep(case, cause)

    def fixed(self, case: Case, lines: Lines, cause: str) -> Lines:
        """The answer is replayed, at what the policy has a hit cost."""
        share = Fraction(str(self._terms.policy_of(case.feature).spending.cache_hits))
        price = -int(-total(lines) * share // 1)
        return (Line("", "", CHARGE, "", price),) if price else ()

    def sure(self, case: Case, saved: int) -> int:
        """Equal hashes are equal prompts."""
        return 0 if case.estimated else saved

    def change(self, places: Sequence[Place], days: float) -> Change:
        """What switches the cache on for them, or makes it larger."""
        found: dict[str, dict[str, Any]] = {}
        for place in places:
            cache = found.setdefault(place.feature, {})
            if place.cause == OFF:
                cache["exact"] = True
            elif place.cause in SWITCHES:
                cache.setdefault("eligibility", {})[SWITCHES[place.cause]] = "exact"
            else:
                cache["max_entries"] = 2 * self._terms.policy_of(place.feature).cache.max_entries
        found.pop(OTHER, None)
        general = {"cache": found.pop("")} if "" in found else {}
        named = {"features": {feature: {"cache": cache} for feature, cache in found.items()}} if found else {}
        return Change({**general, **named})

    def _is_known(self, case: Case) -> bool:
        ttl_s = self._terms.policy_of(case.feature).cache.ttl_s
        return self._kept_at is not None and 0 <= case.at - self._kept_at <= ttl_s

    def _keep(self, case: Case, cause: str) -> None:
        """An answer that a cache that was on did not keep was not to be kept."""
        if case.answered and (cause != EVICTED or case.kept):
            self._kept_at = case.ended
