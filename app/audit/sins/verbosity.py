"""Verbose output: paragraphs for questions that want a word."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from app.audit.case import Case, Line, Lines
from app.audit.change import for_features
from app.audit.finding import Change, Place
from app.audit.notes import Noted
from app.audit.sins.sin import Look
from app.audit.terms import Terms

TIMES, GRACE = 4, 16
"""An answer is verbose from four times the tokens that the question asks for, and a short sentence's sixteen, on."""


class VerboseOutput:
    """Reads how long the question says that its answer is: `Anatomy.brief_tokens`."""

    name: ClassVar[str] = "verbose_output"
    title: ClassVar[str] = "Verbose output"
    rule: ClassVar[str] = (
        "For questions that say how long their answer is (yes or no, one word, a number): what the answer's visible "
        "tokens beyond that cost, where there are more than four times as many and 16; in features where that is half "
        "of what such questions are answered with or more. Reasoning is not counted."
    )
    assumed: ClassVar[str] = (
        "That nobody reads the explanation. The certain part leaves each answer four times its need and 16 tokens."
    )
    unit: ClassVar[str] = "tokens"
    least_ratio: ClassVar[float] = 0.5
    by_cause: ClassVar[bool] = False

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def looks(self, noted: Noted) -> Iterable[Look]:
        """Every answer to such a question."""
        case, answer = noted.case, noted.case.answer
        if case.brief is not None and case.answered and answer:
            visible = answer.output_tokens - answer.reasoning_tokens
            verbose = visible > case.brief * TIMES + GRACE
            yield Look("", visible - case.brief if verbose else 0, visible)

    def fixed(self, case: Case, lines: Lines, cause: str) -> Lines:
        """The answer is as long as it was asked to be."""
        return tuple(self._cut(line, case.brief or 0) if line.role == "answer" else line for line in lines)

    def sure(self, case: Case, saved: int) -> int:
        """Beyond the grace."""
        answer = case.answer
        if answer is None or case.estimated or case.brief is None:
            return 0
        visible = answer.output_tokens - answer.reasoning_tokens
        beyond, left = visible - case.brief, visible - case.brief * TIMES - GRACE
        return saved * left // beyond if beyond > 0 and left > 0 else 0

    def change(self, places: Sequence[Place], days: float) -> Change:
        """The limit that the rule allows."""
        advice = "Say in the prompt how long the answer is to be, or ask for structured output."
        return Change(for_features(places, {"output": {"brief_times": TIMES, "brief_grace": GRACE}}), advice=advice)

    def _cut(self, line: Line, brief: int) -> Line:
        needed = min(line.output_tokens, line.reasoning_tokens + brief)
        return self._terms.with_tokens(line, line.input_tokens, line.cached_tokens, needed)
