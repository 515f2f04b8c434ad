"""What the output policy makes of a request before it begins."""

from dataclasses import replace
from typing import Any

from app.budget.sizing import maximum_fields
from app.config.output import OutputPolicy
from app.domain import LARGE_BODY_BYTES, GatewayRequest
from app.ledger.anatomy import brief_of
from app.prompt.parts import parts_of


def shortened(request: GatewayRequest, policy: OutputPolicy) -> GatewayRequest:
    """`request` with a maximum that fits its question, where that says how long the answer is."""
    if policy.brief_times is None or request.body_bytes > LARGE_BODY_BYTES:
        return request
    needed = brief_of(request.payload, parts_of(request.payload))
    if needed is None:
        return request
    cap = policy.brief_times * needed + policy.brief_grace
    fields = {name: _least(request.payload.get(name), cap) for name in maximum_fields(request)}
    return replace(request, payload={**request.payload, **fields})


def _least(said: Any, cap: int) -> Any:
    """What is no count stays as it was: whoever refuses it is to see it."""
    return cap if said is None or (type(said) is int and said > cap) else said
