"""Whether a value is valid by a JSON schema that a client sent: with bounded work, and never over the network.

Three things a schema could do to its reader: name a remote `$ref` (the registry here is empty), hold a pattern that
backtracks without end (`regex` has a clock, `re` has none), and grow without bound through references (each keyword
takes from a budget of work).
"""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import regex
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry

MAX_WORK = 50_000
"""Keywords applied, large ones counted by size: half a second of a slow core."""
PATTERN_TIMEOUT_S = 0.01

_UNBOUNDED = ("patternProperties", "unevaluated")
"""Beginnings of keywords that match patterns without a clock, or walk through references by themselves."""

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


class Unjudgeable(Exception):
    """Nobody can say in bounded work whether the value is valid."""


def is_valid(value: Any, schema: Any) -> bool:
    """Whether `value` is valid by `schema`, draft 2020-12, `format` not checked.

    Blocks for up to a second: not for the event loop. Raises `Unjudgeable`, also for what is no schema, for a reference
    that leads nowhere, and for one that leads in a circle.
    """
    try:
        return _is_valid(value, schema)
    except Exception as error:  # what the library raises is not its interface: TypeError, RecursionError, its own
        raise Unjudgeable("the schema cannot be read in bounded work") from error


def _is_valid(value: Any, schema: Any) -> bool:
    if any(keyword in str(schema) for keyword in _UNBOUNDED):
        raise Unjudgeable("the library would do unbounded work for one keyword")
    _work.set([MAX_WORK])
    return bool(_Bounded(schema, registry=Registry()).is_valid(value))


_work: ContextVar[list[int]] = ContextVar("work left")


def _spend(work: int) -> None:
    left = _work.get()
    left[0] -= work
    if left[0] < 0:
        raise Unjudgeable("the schema is too much work")


def _counted(keyword: Keyword) -> Keyword:
    def check(validator: Any, expected: Any, value: Any, schema: Any) -> Iterator[ValidationError] | None:
        _spend(1 + (len(expected) // 16 if isinstance(expected, list | dict) else 0))
        return keyword(validator, expected, value, schema)

    return check


def _pattern(_validator: Any, expected: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    try:
        if isinstance(value, str) and not regex.search(expected, value, timeout=PATTERN_TIMEOUT_S):
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
