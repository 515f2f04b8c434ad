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
    output_tokens, reasoning = _count(usage, "completion_tokens"), usage.get("completion_tokens_details")
    reasoning_tokens = _count(reasoning, "reasoning_tokens") if isinstance(reasoning, Mapping) else 0
    cached_tokens, reasoning_tokens = min(cached_tokens, input_tokens), min(reasoning_tokens, output_tokens)
    return Usage(input_tokens, cached_tokens, output_tokens, reasoning_tokens)


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def content_pieces(chunk: Chunk) -> int:
    """How many choices of a stream's chunk carry something generated: at least that many tokens."""
    return sum(_has_content(choice) for choice in chunk.get("choices") or ())


class Tally:
    """The tokens of one answer so far, chunk by chunk, by what the engine reports and else by what it shows.

    A final report (no choices, or a whole body where the answer does not `stream`) is the truth. A running one, as vLLM
    sends with each chunk, is of that chunk's choice alone. What nothing was reported of counts a token for each piece.
    """

    def __init__(self, *, stream: bool = True) -> None:
        self.usage = Usage()
        self._stream = stream
        self._ended: set[int] = set()
        self._outputs: dict[int, int] = {}

    @property
    def outputs(self) -> Mapping[int, int]:
        """Output tokens by choice, as far as chunks of choices showed them."""
        return self._outputs

    @property
    def ended(self) -> int:
        """How many choices have said why they ended: nothing more is generated for them."""
        return len(self._ended)

    def each(self, tokens: int, choices: int) -> int:
        """How many of `tokens` each of the `choices` that has not ended may make: none makes more than another."""
        return (tokens - self._gone) // max(choices - self.ended, 1)

    def usable(self, tokens: int, choices: int) -> int:
        """How many of `tokens` all of them together can make so: of an odd number two choices leave one."""
        going_on = max(choices - self.ended, 1)
        return self._gone + (tokens - self._gone) // going_on * going_on

    @property
    def _gone(self) -> int:
        return sum(self._outputs.get(index, 0) for index in self._ended)

    def note(self, chunk: Chunk) -> Usage:
        """Count one chunk; the usage with it."""
        reported, choices = read_usage(chunk), chunk.get("choices") or ()
        self._ended.update(choice.get("index", 0) for choice in choices if choice.get("finish_reason"))
        if reported and not (choices and self._stream):
            self.usage = reported if reported.total_tokens else self.usage  # a report of nothing is none
        elif reported or content_pieces(chunk):
            for choice in choices:
                self._running(choice, reported)
            known = reported or self.usage
            tokens = max(known.input_tokens, self.usage.input_tokens)
            output, reasoning = sum(self._outputs.values()), max(known.reasoning_tokens, self.usage.reasoning_tokens)
            self.usage = Usage(tokens, min(known.cached_tokens, tokens), output, min(reasoning, output))
        return self.usage

    def _running(self, choice: Mapping[str, Any], reported: Usage | None) -> None:
        index = choice.get("index", 0)
        before = self._outputs.get(index, 0)
        self._outputs[index] = max(before, reported.output_tokens) if reported else before + _has_content(choice)


def _has_content(choice: Mapping[str, Any]) -> bool:
    delta = choice.get("delta")
    return bool(choice.get("text")) or (delta is not None and any(delta.get(field) for field in _TEXT_FIELDS))
