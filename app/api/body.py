"""Bytes to a validated body: bounded before it is parsed, parsed once."""

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
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidRequest("the body is not valid JSON") from error
    if not isinstance(payload, dict):
        raise InvalidRequest("the body must be a JSON object")
    for name in repeated.keys() & payload.keys():
        if payload.pop(name) != repeated[name]:
            raise InvalidRequest(f"{name} cannot be changed here", name)
    try:
        schema.model_validate(payload)
    except ValidationError as error:
        raise explained(error) from None
    except RecursionError as error:
        raise InvalidRequest("the body is nested too deeply") from error
    return payload


def explained(error: ValidationError) -> InvalidRequest:
    """The first fault, by field. The value itself is left out: it may be a prompt."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return InvalidRequest(f"{where}: {first['msg'].removeprefix(OWN)}", str(first["loc"][0]) if first["loc"] else None)
