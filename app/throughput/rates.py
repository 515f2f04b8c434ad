"""From what was done in some seconds to the seconds of one token.

The model is linear: a phase of T seconds in which a replica read I tokens, found C cached and wrote O took
T = I·x + C·z + O·y. A phase of long prompts and one of long answers give x and y; one of prompts that were read before
gives z. So what little the one phase has of the other's tokens is not counted against them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from app.throughput.load import Target, Work, work
from app.throughput.prompts import followed_up, questions, stories


@dataclass(frozen=True, slots=True)
class Plan:
    """`seconds` in all, `at_once` requests under way; prompts of so many words, answers of at most so many tokens."""

    seconds: float = 90.0
    at_once: int = 16
    words: int = 700
    output_tokens: int = 256
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Rates:
    """Tokens per second of one kind alone; `cached` is None where the server told of none."""

    input: float
    output: float
    cached: float | None
    answers: int
    failures: int


UNMEASURED = Rates(1.0, 1.0, None, 0, 0)
"""Stands in before there are any."""


async def measure(target: Target, plan: Plan) -> Rates:
    """Three phases of equal length. Raises `ConfigError` where nothing is answered."""
    each, number = plan.seconds / 3, count(plan.seed)
    phases: list[tuple[Iterator[str], int]] = [
        (questions(plan.words, next(number)), 1),
        (stories(next(number)), plan.output_tokens),
        (followed_up(plan.words, next(number)), 1),
    ]
    done = [await work(target, prompts, output, plan.at_once, each) for prompts, output in phases]
    return rates_of(*done)


def rates_of(reading: Work, writing: Work, again: Work) -> Rates:
    """The rates that explain the three phases."""
    per_input, per_output = _seconds(reading, writing)
    left = again.seconds - again.input * per_input - again.output * per_output
    cached = again.cached / left if again.cached > again.input and left > 0 else None
    most = 1 / per_input
    return Rates(
        most,
        1 / per_output,
        None if cached is None else max(cached, most),
        sum(each.answers for each in (reading, writing, again)),
        sum(len(each.failures) for each in (reading, writing, again)),
    )


def _seconds(reading: Work, writing: Work) -> tuple[float, float]:
    """Of one input and of one output token; where the two phases contradict each other, each phase by its own kind."""
    pivot = reading.input * writing.output - writing.input * reading.output
    if pivot > 0:
        per_input = (reading.seconds * writing.output - writing.seconds * reading.output) / pivot
        per_output = (writing.seconds * reading.input - reading.seconds * writing.input) / pivot
        if per_input > 0 and per_output > 0:
            return per_input, per_output
    return reading.seconds / max(reading.input, 1.0), writing.seconds / max(writing.output, 1.0)
