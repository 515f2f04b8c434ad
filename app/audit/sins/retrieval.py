"""Retrieval firehose: documents that are paid for and not used, or come twice in one prompt."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from app.audit.case import Case, Lines
from app.audit.change import daily_limits
from app.audit.finding import Change, Place
from app.audit.notes import Noted
from app.audit.sins.sin import Look
from app.audit.terms import Terms


class RetrievalFirehose:
    """Reads the anatomy's documents."""

    name: ClassVar[str] = "retrieval_firehose"
    title: ClassVar[str] = "Retrieval firehose"
    rule: ClassVar[str] = (
        "What the tokens of retrieved documents cost that came before in the same prompt, or that the answer used "
        "nothing of, at the price of uncached input as far as they were; in features where they are half of all "
        "document tokens or more. One document too many is not a sin: who retrieves does not know the answer."
    )
    assumed: ClassVar[str] = (
        "That a document without a trace in the answer was not needed. The certain part is repetitions only."
    )
    unit: ClassVar[str] = "tokens"
    least_ratio: ClassVar[float] = 0.5
    by_cause: ClassVar[bool] = False

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def looks(self, noted: Noted) -> Iterable[Look]:
        """Every answer to a prompt with documents."""
        case = noted.case
        if case.documents and case.answered:
            yield Look("", case.wasted, case.documents)

    def fixed(self, case: Case, lines: Lines, cause: str) -> Lines:
        """They are left out of every attempt that the request needed."""
        return tuple(
            self._terms.with_tokens(
                line, max(0, line.input_tokens - case.wasted), line.cached_tokens, line.output_tokens
            )
            if line.own
            else line
            for line in lines
        )

    def sure(self, case: Case, saved: int) -> int:
        """Repetitions, counted by the tier's own tokenizer."""
        sure = case.exact and not case.estimated and case.wasted
        return saved * case.repeated // case.wasted if sure else 0

    def change(self, places: Sequence[Place], days: float) -> Change:
        """What the feature may spend a day without it."""
        advice = "Retrieve fewer documents, rank them again before the prompt is made, and send none twice."
        return Change(daily_limits(places, days), advice=advice)
