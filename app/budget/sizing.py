"""How much a request may spend at most: the numbers that a reservation holds and an attempt is clamped to."""

from collections.abc import Mapping
from typing import Any

from app.config.gateway import TierSpec
from app.domain import GatewayRequest, Operation

MAXIMA = ("max_completion_tokens", "max_tokens")
"""Fields that limit the output of one choice somewhere."""

_COUNTING: Mapping[Operation, tuple[str, ...]] = {"chat": MAXIMA, "text_completion": ("max_tokens",)}
"""Those that an engine heeds, the one that it prefers first: OpenAI's reference, and vLLM's protocol."""


def asked_output_tokens(request: GatewayRequest) -> int | None:
    """The maximum that the client named for one choice, at least 1. None without one, and for what is no such count."""
    named = (request.payload.get(name) for name in _COUNTING[request.operation])
    return next((value for value in named if type(value) is int and value >= 1), None)


def maximum_fields(request: GatewayRequest) -> list[str]:
    """The fields that tell an engine its maximum: those that the client named and that count, else `max_tokens`."""
    counting = _COUNTING[request.operation]
    return [name for name in counting if request.payload.get(name) is not None] or ["max_tokens"]


def output_cap(request: GatewayRequest, spec: TierSpec, input_tokens: int) -> int:
    """Output tokens of one choice on `spec` at most: what was asked, else the tier's own maximum that still fits.

    Who asks for more than the context holds asks for as much as there is.
    """
    asked = asked_output_tokens(request)
    if asked is not None and asked < spec.context_tokens:
        return asked
    if asked is not None:
        return max(1, spec.context_tokens - input_tokens)
    return max(1, min(spec.max_output_tokens, spec.context_tokens - input_tokens))


_NOT_IN_PIECES = ("echo", "best_of", "prompt_logprobs", "use_beam_search")
"""Fields whose answers cannot be put together again from a stream's chunks, or are not streamed at all."""


def comes_in_pieces(request: GatewayRequest) -> bool:
    """Whether an answer may be streamed from the backend, for a client that does not stream it too."""
    return request.stream or not any(request.payload.get(name) for name in _NOT_IN_PIECES)


def choices(payload: Mapping[str, Any]) -> int:
    """How many answers are generated: `n` (or the larger `best_of`) for each prompt of the request."""
    return max(_count(payload.get("n")), _count(payload.get("best_of"))) * prompts(payload)


def prompts(payload: Mapping[str, Any]) -> int:
    """How many prompts the request has."""
    prompt = payload.get("prompt")
    return len(prompt) if isinstance(prompt, list) and prompt and isinstance(prompt[0], str | list) else 1


def _count(value: Any) -> int:
    """Any other value than a count is the engine's to refuse."""
    return value if type(value) is int and value >= 1 else 1
