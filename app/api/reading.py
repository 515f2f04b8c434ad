"""From HTTP to one validated request: body, caller, and what the headers say."""

from dataclasses import dataclass
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.requests import Request

from app.api.body import parse, read_body
from app.api.cache_control import cache_control_of
from app.api.callers import KeyRing, caller_of, checked_name
from app.api.schema import WireModel
from app.domain import GatewayRequest, Operation
from app.errors import InvalidRequest
from app.route.bounds import MAX_TIER, MIN_TIER


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads requests of whoever shows one of `keys`, with bodies of at most `max_body_bytes`."""

    keys: KeyRing
    max_body_bytes: int

    async def read(self, request: Request, operation: Operation, schema: type[WireModel]) -> GatewayRequest:
        """Raises `InvalidRequest` and those below it."""
        body = await read_body(request, self.max_body_bytes)
        payload = parse(body, schema)
        headers = request.headers
        return GatewayRequest(
            id=f"req-{uuid4().hex}",
            operation=operation,
            payload=payload,
            caller=caller_of(headers, payload, self.keys),
            cache_control=cache_control_of(headers),
            trace_context={name: headers[name] for name in ("traceparent", "tracestate") if name in headers},
            body_bytes=len(body),
            min_tier=_bound(headers, MIN_TIER),
            max_tier=_bound(headers, MAX_TIER),
        )


def _bound(headers: Headers, name: str) -> str:
    """The one tier that a header names, or nothing. Two lines are refused: who of two would be believed?"""
    said = headers.getlist(name)
    if len(said) > 1:
        raise InvalidRequest(f"{name}: sent {len(said)} times", name)
    return checked_name(name, said[0]) if said else ""
