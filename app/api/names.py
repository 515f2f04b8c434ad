"""Names that clients say, in LeanServe's headers or in OpenAI's own fields: bounded, printable, said once."""

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers

from app.errors import InvalidRequest

HEADER = "x-leanserve-"
MAX_NAME = 128


def said_name(headers: Headers, metadata: Mapping[str, Any], name: str, fallback: Any = "") -> str:
    """What `x-leanserve-<name>` says, else `metadata`, else `fallback`. Raises `InvalidRequest`."""
    return checked_name(name, single(headers, HEADER + name) or metadata.get(name) or fallback or "")


def single(headers: Headers, name: str) -> str:
    """The one line of a header, or nothing. Two are refused: who of two would be believed?"""
    said = headers.getlist(name)
    if len(said) > 1:
        raise InvalidRequest(f"{name}: sent {len(said)} times", name)
    return _text(said[0]) if said else ""


def _text(value: str) -> str:
    """As UTF-8 where it is: on the wire a header has bytes, which the server reads as Latin-1."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def checked_name(name: str, value: Any) -> str:
    """`value`, once it is known to be fit for a name. Raises `InvalidRequest`, naming the field."""
    if not isinstance(value, str) or len(value) > MAX_NAME or not value.isprintable():
        raise InvalidRequest(f"{name} must be printable text of at most {MAX_NAME} characters", name)
    return value
