"""How far an answer gets with what is granted: an engine lets all choices that go on make equally many tokens."""

from dataclasses import dataclass

from app.budget.holding import Need
from app.cost.usage import Tally


@dataclass(frozen=True, slots=True)
class Reach:
    """Of one attempt, with `granted` output tokens. `even`: its engine obeys grants; another goes on token by token."""

    tally: Tally
    need: Need
    granted: int
    even: bool

    @property
    def step(self) -> int:
        """How many tokens bring it further: one for each choice that has not ended."""
        return max(self.need.choices - self.tally.ended, 1) if self.even else 1

    @property
    def is_used_up(self) -> bool:
        """Whether all that can be used is used, and the engine would go on."""
        if self.need.whole or self.tally.ended >= self.need.choices or self.granted >= self.need.output_tokens:
            return False
        return self.tally.usage.output_tokens >= self._usable

    @property
    def next(self) -> int:
        """The least output tokens, in all, that bring it further."""
        return min(max(self._usable + self.step, self.granted + 1), self.need.output_tokens)

    @property
    def _usable(self) -> int:
        return self.tally.usable(self.granted, self.need.choices) if self.even else self.granted
