"""What an answer used, in tokens and money."""

from dataclasses import dataclass
from typing import NewType

MicroUsd = NewType("MicroUsd", int)
"""Money: whole millionths of a US dollar. A `Cost` is never a float."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one attempt. `cached_tokens` (prefix cache) are part of the input, `reasoning_tokens` of the output."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )
