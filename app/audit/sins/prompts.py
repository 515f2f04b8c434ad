"""Monolithic prompts: a long static prefix that is read anew, at its full price, request after request."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from app.audit.case import Case, Lines
from app.audit.change import daily_limits, prefix_caches
from app.audit.finding import Change, Place
from app.audit.notes import Noted, Notes
from app.audit.sins.sin import LEAST_REQUESTS, Look
from app.audit.terms import Terms

LEAST_STATIC = 1_024
"""Tokens. Shorter prompts no large provider caches: OpenAI's prompt caching begins here."""

LEAST_HIT_RATE = 0.6
"""Of the static tokens: below it the cache of prefixes does not do its work (issue 6)."""

MOST_PREFIXES = 1_000
"""Of a window, those that were read uncached most."""


class MonolithicPrompts:
    """Knows the first request of every prefix: somebody has to read it."""

    name: ClassVar[str] = "monolithic_prompt"
    title: ClassVar[str] = "Monolithic prompt"
    rule: ClassVar[str] = (
        "For every system prompt with tools of 1,024 tokens or more that came in 20 requests of a feature or more and "
        "of which less than 60% was read from a prefix cache: what its uncached tokens cost above the price of cached "
        "ones, but for the first request."
    )
    assumed: ClassVar[str] = (
        "That an engine still has the prefix when it comes again. Nothing is counted where cached input has no price "
        "of its own; what the prompt could do without is not known, and comes on top."
    )
    unit: ClassVar[str] = "tokens"
    least_ratio: ClassVar[float] = 1 - LEAST_HIT_RATE
    by_cause: ClassVar[bool] = True

    def __init__(self, terms: Terms, notes: Notes) -> None:
        self._terms = terms
        self._first = notes.prefixes(LEAST_STATIC, LEAST_REQUESTS, MOST_PREFIXES)

    def looks(self, noted: Noted) -> Iterable[Look]:
        """Every answer to a prompt with such a prefix."""
        case = noted.case
        first = self._first.get((case.feature, case.prefix))
        if first and case.answered and case.static >= LEAST_STATIC:
            yield Look(case.prefix, 0 if case.id == first else case.static - case.hit, case.static)

    def fixed(self, case: Case, lines: Lines, cause: str) -> Lines:
        """Each attempt that the request needed finds the prefix cached."""
        if case.id == self._first.get((case.feature, case.prefix)):
            return lines
        return tuple(
            self._terms.with_tokens(
                line,
                line.input_tokens,
                max(line.cached_tokens, min(case.static, line.input_tokens)),
                line.output_tokens,
            )
            if line.own
            else line
            for line in lines
        )

    def sure(self, case: Case, saved: int) -> int:
        """What the tier's own tokenizer counted."""
        return saved if case.exact and not case.estimated else 0

    def change(self, places: Sequence[Place], days: float) -> Change:
        """Prefix caches of our own engines where they are not switched on, and what the feature may spend a day."""
        advice = (
            "Put what changes (times, names, ids) behind what does not, so that the prefix is the same to the byte; "
            "and give each feature a system prompt of its own, with the tools that it calls."
        )
        return Change(daily_limits(places, days), prefix_caches(self._terms.tiers), advice)
