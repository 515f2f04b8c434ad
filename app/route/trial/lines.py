"""Files of labelled prompts: one JSON object a line."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import InvalidRequest
from app.trial.lines import ALL, rows

Numbers = Mapping[str, float]

MOST_USD = 1_000_000
"""For one answer; what is more is a mistake."""


@dataclass(frozen=True, slots=True)
class LabelledPrompt:
    """A prompt of which somebody knows how good each tier's answer was, 0–1, and perhaps what it cost in US dollars."""

    prompt: str
    scores: Numbers
    costs: Numbers | None = None
    domain: str = ALL


def labelled_prompts(lines: Iterable[bytes]) -> Iterator[LabelledPrompt]:
    """The prompts of `{"prompt", "scores": {tier: 0–1}, "costs"?: {tier: usd}, "domain"?}`, in order.

    Blank lines are passed over. All lines name the tiers of the first, two at least; all of them have costs, or none.
    Raises InvalidRequest, naming the line.
    """
    first: LabelledPrompt | None = None
    for number, row in rows(lines):
        found = labelled_prompt(row, number)
        first = first or found
        if found.scores.keys() != first.scores.keys():
            raise InvalidRequest(f'line {number}: "scores" are of other tiers than in the first line')
        if (found.costs is None) != (first.costs is None):
            raise InvalidRequest(f'line {number}: all lines have "costs", or none')
        yield found


def labelled_prompt(row: Mapping[str, Any], number: int) -> LabelledPrompt:
    """The labelled prompt of one line."""
    prompt, domain = row.get("prompt"), row.get("domain")
    if not isinstance(prompt, str):
        raise InvalidRequest(f'line {number} has no string "prompt"')
    scores = numbers(row.get("scores"), f'line {number}: "scores"', 1)
    if len(scores) < 2:
        raise InvalidRequest(f'line {number}: "scores" names fewer than two tiers')
    costs = None if row.get("costs") is None else numbers(row["costs"], f'line {number}: "costs"', MOST_USD)
    if costs is not None and costs.keys() != scores.keys():
        raise InvalidRequest(f'line {number}: "costs" are of other tiers than "scores"')
    return LabelledPrompt(prompt, scores, costs, ALL if domain is None else str(domain))


def numbers(value: Any, where: str, most: float) -> Numbers:
    """A mapping of names to numbers from 0 to `most`."""
    if not isinstance(value, dict):
        raise InvalidRequest(f"{where} is not an object of numbers by tier")
    for name, number in value.items():
        if not (isinstance(number, (int, float)) and 0 <= number <= most):
            raise InvalidRequest(f"{where} of {name!r} is not a number from 0 to {most:,}")
    return {str(name): float(number) for name, number in value.items()}
