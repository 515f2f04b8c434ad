"""Files of pairs: one JSON object a line, read as a stream; what is written appears whole or not at all."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from app.cache.pairs import AskedPair, Judged
from app.errors import ConfigError, InvalidRequest

Label = Literal[0, 1]
ALL = "all"
"""The name of all categories together, and of what names none."""


Tick = Callable[[int], None]
"""Hears the size of each line, in bytes."""


def ignore(size: int) -> None:
    """Nobody watches."""


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


def rows(lines: Iterable[bytes]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Numbered from 1."""
    return ((number, row(line, number)) for number, line in enumerate(lines, start=1) if line.strip())


def row(line: bytes, number: int) -> Mapping[str, Any]:
    """The JSON object of one line."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidRequest(f"line {number} is not a JSON object")
    return found


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


@contextmanager
def lines_of(path: Path, tick: Tick = ignore) -> Iterator[Iterator[bytes]]:
    """The lines of a file; `tick` hears the size of each.

    Raises ConfigError for a file that cannot be read. An InvalidRequest about a line gets the file's name.
    """
    with _opened(path, "rb") as file:
        try:
            yield _ticking(file, tick)
        except InvalidRequest as error:
            raise InvalidRequest(f"{path}: {error.message}") from error


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` at the end; after an exception `path` is what it was.

    A device or a pipe, such as /dev/stdout, cannot be replaced: it is written to as it goes. Raises ConfigError where
    nothing can be written.
    """
    if path.is_relative_to("/dev") or (path.exists() and not path.is_file()):
        with _opened(path, "ab") as file:
            yield file
        return
    path = path.resolve()
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _opened(part, "wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _opened(path: Path, mode: str) -> IO[bytes]:
    try:
        return path.open(mode)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error


def _ticking(file: IO[bytes], tick: Tick) -> Iterator[bytes]:
    for line in file:
        tick(len(line))
        yield line
