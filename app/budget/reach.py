"""How far an answer gets with what is granted: an engine lets all choices that go on make equally many tokens."""

from app.budget.holding import Need
from app.cost.usage import Tally


def going_on(tally: Tally, need: Need) -> int:
    """How many choices have not ended; one where all have."""
    return max(need.choices - tally.ended, 1)


def is_used_up(tally: Tally, need: Need, granted: int) -> bool:
    """Whether all of `granted` that can be used is used, and the engine would go on."""
    if need.whole or tally.ended >= need.choices or granted >= need.output_tokens:
        return False
    return tally.usage.output_tokens >= tally.usable(granted, need.choices)


def next_grant(tally: Tally, need: Need, granted: int) -> int:
    """The least output tokens, in all, that bring it further than `granted` does."""
    further = tally.usable(granted, need.choices) + going_on(tally, need)
    return min(max(further, granted + 1), need.output_tokens)
