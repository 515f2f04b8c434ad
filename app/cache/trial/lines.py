"""Files of pairs: one JSON object a line."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.cache.pairs import AskedPair, Judged
from app.errors import InvalidRequest
from app.trial.lines import ALL, rows

Label = Literal[0, 1]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A pair of which somebody knows whether one answer serves both (1) or not (0)."""

    pair: AskedPair
    label: Label
    category: str = ALL


def asked_pairs(lines: Iterable[bytes]) -> Iterator[AskedPair]:
    """The pairs of `{"a", "b", "context"?}`, in order; blank lines are passed over.

    `context` is a system prompt, or a list of messages. Raises InvalidRequest, naming the line.
    """
    return (asked_pair(row, number) for number, row in rows(lines))


def labelled_pairs(lines: Iterable[bytes]) -> Iterator[Labelled]:
    """The pairs of `{"a", "b", "context"?, "label", "category"?}`; `label` is 0 or 1. Else as `asked_pairs`."""
    return (labelled_pair(row, number) for number, row in rows(lines))


def asked_pair(row: Mapping[str, Any], number: int) -> AskedPair:
    """The pair of one line."""
    a, b = row.get("a"), row.get("b")
    if not (isinstance(a, str) and isinstance(b, str)):
        raise InvalidRequest(f'line {number} has no strings "a" and "b"')
    return AskedPair(a, b, context(row.get("context"), number))


def context(value: Any, number: int) -> tuple[Mapping[str, Any], ...]:
    """The messages before the prompt."""
    if not value:
        return ()
    if isinstance(value, str):
        return ({"role": "system", "content": value},)
    if not (isinstance(value, list) and all(isinstance(each, dict) and "role" in each for each in value)):
        raise InvalidRequest(f'line {number}: "context" is neither a string nor a list of messages')
    return tuple(value)


def labelled_pair(row: Mapping[str, Any], number: int) -> Labelled:
    """The labelled pair of one line."""
    label, category = row.get("label"), row.get("category")
    if not isinstance(label, int) or label not in {0, 1}:
        raise InvalidRequest(f'line {number}: "label" is neither 0 nor 1')
    return Labelled(asked_pair(row, number), 1 if label else 0, ALL if category is None else str(category))


def output_line(judged: Judged) -> bytes:
    """What `leanserve cache pairs` says of a pair: no word of it."""
    p_same = None if judged.p_same is None else round(judged.p_same, 6)
    told = {"hit": judged.hit, "similarity": round(judged.similarity, 6), "p_same": p_same, "reason": judged.reason}
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"
