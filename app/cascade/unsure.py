"""What speaks against an answer."""

from collections.abc import Iterator
from typing import Any, Literal

from app.budget.sizing import asked_output_tokens
from app.cascade.refusal import is_refusal
from app.cascade.said import is_empty
from app.cascade.schema import Work
from app.cascade.structure import is_unmet
from app.config.routing import CascadePolicy
from app.domain import Chunk, GatewayRequest

Doubt = Literal["refusal", "empty", "truncated", "confidence", "structure", ""]
"""Why an answer looks unsure, in a word; empty where it looks sure."""


def doubt(request: GatewayRequest, policy: CascadePolicy, body: Chunk, confidence: float | None) -> Doubt:
    """The first that speaks against a whole body, of any of its choices. Blocks, and raises, as `is_unmet` does.

    `confidence` is that of the least confident choice, 0–1, or None where the backend told none.
    """
    return next(_doubts(request, policy, body.get("choices") or [], confidence), "")


def _doubts(
    request: GatewayRequest, policy: CascadePolicy, choices: list[dict[str, Any]], confidence: float | None
) -> Iterator[Doubt]:
    """What costs nothing to see first."""
    if policy.refusals and any(map(is_refusal, choices)):
        yield "refusal"
    if not choices or any(map(is_empty, choices)):
        yield "empty"
    # Cut at the client's own maximum, a better model's answer would be cut too.
    own_maximum = asked_output_tokens(request) is not None
    if policy.truncated and not own_maximum and any(choice.get("finish_reason") == "length" for choice in choices):
        yield "truncated"
    if confidence is not None and confidence < policy.min_confidence:
        yield "confidence"
    work = Work()
    if policy.structure and any(is_unmet(request.payload, choice, work) for choice in choices):
        yield "structure"
