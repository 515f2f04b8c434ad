"""From HTTP to one validated request: body, caller, and what the headers say."""

from dataclasses import dataclass
from uuid import uuid4

from starlette.requests import Request

from app.api.body import parse, read_body
from app.api.cache_control import cache_control_of
from app.api.callers import KeyRing, caller_of, checked_name
from app.api.schema import WireModel
from app.domain import GatewayRequest, Operation
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
            min_tier=checked_name(MIN_TIER, headers.get(MIN_TIER, "")),
            max_tier=checked_name(MAX_TIER, headers.get(MAX_TIER, "")),
        )
