"""Files of JSON lines, read as a stream; what is written appears whole or not at all."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from app.errors import ConfigError, InvalidRequest

ALL = "all"
"""The name of all categories together, and of what names none."""

Tick = Callable[[int], None]
"""Hears the size of each line, in bytes."""


def ignore(size: int) -> None:
    """Nobody watches."""


def rows(lines: Iterable[bytes]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The JSON objects, each with the number of its line, from 1; blank lines are passed over.

    Raises InvalidRequest, naming the line.
    """
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


def folder_at(path: Path) -> Path:
    """`path`, made with its parents where it is not there. Raises ConfigError where that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    return path


def _opened(path: Path, mode: str) -> IO[bytes]:
    try:
        return path.open(mode)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error


def _ticking(file: IO[bytes], tick: Tick) -> Iterator[bytes]:
    for line in file:
        tick(len(line))
        yield line
