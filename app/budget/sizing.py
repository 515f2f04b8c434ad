"""How much a request may spend at most: the numbers that a reservation holds and an attempt is clamped to."""

from collections.abc import Mapping
from typing import Any

from app.config.gateway import TierSpec


def asked_output_tokens(payload: Mapping[str, Any]) -> int | None:
    """The maximum that the client named for one choice, or None."""
    for name in ("max_completion_tokens", "max_tokens"):
        if isinstance(value := payload.get(name), int):
            return value
    return None


def output_cap(payload: Mapping[str, Any], spec: TierSpec, input_tokens: int) -> int:
    """Output tokens of one choice on `spec` at most: what was asked, else the tier's own maximum that still fits."""
    asked = asked_output_tokens(payload)
    if asked is not None:
        return min(asked, spec.context_tokens)
    return max(1, min(spec.max_output_tokens, spec.context_tokens - input_tokens))


def choices(payload: Mapping[str, Any]) -> int:
    """How many answers are generated: `n` (or the larger `best_of`) for each prompt of the request."""
    prompt = payload.get("prompt")
    prompts = len(prompt) if isinstance(prompt, list) and prompt and isinstance(prompt[0], str | list) else 1
    return max(int(payload.get("n") or 1), int(payload.get("best_of") or 1)) * prompts
