"""From HTTP to one validated request: body, caller, and what the headers say."""

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request

from app.access.rights import tiers_of_request
from app.agents.sessions import PARENT
from app.api.body import parse, read_body
from app.api.cache_control import cache_control_of
from app.api.callers import caller_of
from app.api.guard import key_of
from app.api.names import checked_name, single
from app.api.schema import WireModel
from app.api.steps import DEPTH, STEP, step_of
from app.domain import GatewayRequest, Operation
from app.domain.request_id import new_request_id
from app.route.bounds import MAX_TIER, MIN_TIER
from app.tiers.catalog import TierCatalog


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads requests for what `catalog` has, with bodies of at most `max_body_bytes`."""

    catalog: TierCatalog
    max_body_bytes: int

    async def read(self, request: Request, operation: Operation, schema: type[WireModel]) -> GatewayRequest:
        """Raises `InvalidRequest` and those below it; `Forbidden` for what the key has no right to."""
        body = await read_body(request, self.max_body_bytes)
        payload = parse(body, schema)
        headers = request.headers
        return GatewayRequest(
            id=new_request_id(),
            operation=operation,
            payload=payload,
            caller=caller_of(request, payload),
            cache_control=cache_control_of(headers),
            trace_context=trace_context(headers),
            body_bytes=len(body),
            min_tier=_bound(headers, MIN_TIER),
            max_tier=_bound(headers, MAX_TIER),
            step=step_of(*(_bound(headers, name) for name in (STEP, DEPTH, PARENT))),
            tiers=tiers_of_request(key_of(request).rights, payload["model"], self.catalog),
        )


def trace_context(headers: Headers) -> dict[str, str]:
    """The W3C headers of the caller's span, if any."""
    return {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}


def _bound(headers: Headers, name: str) -> str:
    """The one tier that a header names, or nothing."""
    return checked_name(name, single(headers, name))
