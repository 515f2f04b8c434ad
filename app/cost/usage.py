"""Tokens out of OpenAI's wire format. Upstreams leave out or null any field, so nothing here trusts one to be there."""

from collections.abc import Mapping
from typing import Any

from app.domain import Chunk, Usage

_TEXT_FIELDS = ("content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
"""What a delta can carry that was generated: OpenAI's fields, and vLLM's two names for reasoning."""


def read_usage(chunk: Chunk) -> Usage | None:
    """The `usage` of a chunk or body in tokens, or None where it has none."""
    usage = chunk.get("usage")
    if not isinstance(usage, Mapping):
        return None
    details = usage.get("prompt_tokens_details")
    input_tokens = _count(usage, "prompt_tokens")
    cached_tokens = _count(details, "cached_tokens") if isinstance(details, Mapping) else 0
    return Usage(input_tokens, min(cached_tokens, input_tokens), _count(usage, "completion_tokens"))


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def content_pieces(chunk: Chunk) -> int:
    """How many choices of a stream's chunk carry something generated: at least that many tokens."""
    return sum(_has_content(choice) for choice in chunk.get("choices") or ())


def _has_content(choice: Mapping[str, Any]) -> bool:
    delta = choice.get("delta")
    return bool(choice.get("text")) or (delta is not None and any(delta.get(field) for field in _TEXT_FIELDS))
