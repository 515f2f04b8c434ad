"""Whether a value is valid by a JSON schema that a client sent: with bounded work, and never over the network.

Three things a schema could do to its reader: name a remote `$ref` (the registry here is empty), hold patterns that
backtrack without end (`regex` has a clock, `re` has none), and grow without bound through references (each keyword
takes from a budget of work and of time).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import regex
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry

MAX_WORK = 50_000
"""Keywords applied, large ones counted by size: half a second of a slow core."""
MOST_S = 0.5
"""Seconds of one judgement, its patterns among them: one keyword costs the same work whether it is quick or slow."""
MAX_PATTERN = 1_000
"""Characters of a pattern: compiling one has no clock, 38,000 characters take 0.16 s and a million nine seconds."""
SOON_S = 0.001
"""The least time-out of a pattern: `regex` takes none below zero."""

_UNBOUNDED = ("patternProperties", "unevaluated")
"""Beginnings of keywords that match patterns without a clock, or walk through references by themselves."""

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


class Unjudgeable(Exception):
    """Nobody can say in bounded work whether the value is valid."""


@dataclass(slots=True)
class Work:
    """What one judgement may still do, over all of its values: keywords, and the time (monotonic, in s) to stop at."""

    keywords: int = MAX_WORK
    until: float = field(default_factory=lambda: time.monotonic() + MOST_S)

    def spend(self, keywords: int) -> None:
        """Take from what is left. Raises `Unjudgeable`."""
        self.keywords -= keywords
        if self.keywords < 0 or self.seconds() <= 0:
            raise Unjudgeable("the schema is too much work")

    def seconds(self) -> float:
        """How long the judgement may still take."""
        return self.until - time.monotonic()


def is_valid(value: Any, schema: Any, work: Work | None = None) -> bool:
    """Whether `value` is valid by `schema`, draft 2020-12, `format` not checked.

    Blocks for as long as `work` allows, which is its own unless it is given: not for the event loop. Raises
    `Unjudgeable`, also for what is no schema, for a reference that leads nowhere, and for one that leads in a circle.
    """
    try:
        return _is_valid(value, schema, work or Work())
    except Exception as error:  # what the library raises is not its interface: TypeError, RecursionError, its own
        raise Unjudgeable("the schema cannot be read in bounded work") from error


def _is_valid(value: Any, schema: Any, work: Work) -> bool:
    work.spend(1)
    if any(keyword in str(schema) for keyword in _UNBOUNDED):
        raise Unjudgeable("the library would do unbounded work for one keyword")
    _work.set(work)
    return bool(_Bounded(schema, registry=Registry()).is_valid(value))


_work: ContextVar[Work] = ContextVar("work left")


def _spend(keywords: int) -> None:
    _work.get().spend(keywords)


def _counted(keyword: Keyword) -> Keyword:
    def check(validator: Any, expected: Any, value: Any, schema: Any) -> Iterator[ValidationError] | None:
        _spend(1 + (len(expected) // 16 if isinstance(expected, list | dict) else 0))
        return keyword(validator, expected, value, schema)

    return check


def _pattern(_validator: Any, expected: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if not isinstance(expected, str) or len(expected) > MAX_PATTERN:
        raise Unjudgeable("the pattern is too long to compile")
    try:
        left = max(_work.get().seconds(), SOON_S)
        if isinstance(value, str) and not regex.search(expected, value, timeout=left):
            yield ValidationError("the pattern does not match")
    except (TimeoutError, regex.error) as error:
        raise Unjudgeable("a pattern cannot be matched") from error


def _unique_items(validator: Any, expected: Any, value: Any, schema: Any) -> Iterator[ValidationError] | None:
    """Each is compared with each where they cannot be sorted."""
    _spend(len(value) ** 2 // 64 if isinstance(value, list) else 0)
    found: Iterator[ValidationError] | None = _KEYWORDS["uniqueItems"](validator, expected, value, schema)
    return found


_KEYWORDS: Mapping[str, Keyword] = dict(Draft202012Validator.VALIDATORS)
_OURS: Mapping[str, Keyword] = {**_KEYWORDS, "pattern": _pattern, "uniqueItems": _unique_items}
_BOUNDED: Mapping[str, Keyword] = {name: _counted(keyword) for name, keyword in _OURS.items()}
_Bounded = extend(Draft202012Validator, _BOUNDED)  # type: ignore[no-untyped-call]
