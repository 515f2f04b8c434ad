"""Bytes to a validated body: bounded before it is parsed, parsed once."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from app.errors import BodyTooLarge, InvalidRequest

Schema = TypeVar("Schema", bound=BaseModel)
OWN = "Value error, "
"""What pydantic puts before the words of a validator of ours."""
DEEPEST = 100
"""Levels of a body: schemas of tools have a dozen, and every stage that walks a body takes Python's stack for each."""
TOO_DEEP = f"the body is nested too deeply: it may have {DEEPEST} levels"
_BRANCH = re.compile(r"str|int|float|bool|none|dict|list|constrained-\w+|function-.*|.*\[.*\]")
"""What pydantic adds to a place for the branch of a union: no field of ours is called so."""

NOTHING: Mapping[str, Any] = MappingProxyType({})


async def read_body(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes of it. Raises `BodyTooLarge` as soon as that is known, parsing nothing."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge(f"the body may have at most {limit} bytes")
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > limit:
            raise BodyTooLarge(f"the body may have at most {limit} bytes")
    return bytes(received)


def parse(body: bytes, schema: type[BaseModel], repeated: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
    """The JSON object as it came, once it is known to be a valid `schema`. Raises `InvalidRequest`.

    What is `repeated` may stand in it as it was read, and is left out: so what was read can be sent back.
    """
    try:
        payload = msgspec.json.decode(body)
    except RecursionError as error:
        raise InvalidRequest(TOO_DEEP) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest("the body is not valid JSON") from error
    if not isinstance(payload, dict):
        raise InvalidRequest("the body must be a JSON object")
    if body.count(b"{") + body.count(b"[") > DEEPEST and _is_deep(payload):
        raise InvalidRequest(TOO_DEEP)
    for name in repeated.keys() & payload.keys():
        if payload.pop(name) != repeated[name]:
            raise InvalidRequest(f"{name} cannot be changed here", name)
    try:
        schema.model_validate(payload)
    except ValidationError as error:
        raise explained(error) from None
    return payload


def _is_deep(payload: object) -> bool:
    level = [payload]
    for _ in range(DEEPEST):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [each for some in inner for each in some if isinstance(each, dict | list)]
    return bool(level)


def explained(error: ValidationError) -> InvalidRequest:
    """The first fault, by field. The value itself is left out: it may be a prompt.

    Every branch of a union has one: that the value is of another type says least.
    """
    faults = error.errors(include_input=False, include_url=False)
    field = faults[0]["loc"][:1]
    same = (each for each in faults if each["loc"][:1] == field)
    told = next((each for each in same if not each["type"].endswith("_type")), faults[0])
    where = ".".join(str(part) for part in told["loc"] if not _BRANCH.fullmatch(str(part)))
    said = told["msg"].removeprefix(OWN)
    return InvalidRequest(f"{where}: {said}" if where else said, str(field[0]) if field else None)
