"""The part of the policy that says how long an agent may go on, and when what it does is a loop."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app.config.budgets import LARGEST
from app.config.model import PolicyModel
from app.domain import DEEPEST, LimitAction, Unit

MOST_TIMES = 100


def _several(times: int) -> int:
    if times == 1:
        raise ValueError("once is no loop: 0 switches the rule off, 2 is the least")
    return times


Times = Annotated[int, Field(ge=0, le=MOST_TIMES), AfterValidator(_several)]
"""So often is a loop; 0 never. Not null: a feature that says null says nothing, and follows the general policy."""


class LoopPolicy(PolicyModel):
    """When a session's steps are a loop. 0 switches a rule off.

    `repeats`: the same call, with the same outcome, so many times within half as many steps more (5 in 7). `cycles`:
    two to `longest_cycle` calls, with the same outcomes, in the same order so many times over. `polls`: the same call,
    or the same cycle, so many times whatever came of it. What follows an answer after a wait is no repetition: see
    `app/agents/__init__.py`. On by default: what an honest agent does (polling, paging, trying again after an edit)
    waits, changes an argument or gets another outcome, and 20 looks at what changes leave it time.
    """

    repeats: Times = 5
    cycles: Times = 3
    longest_cycle: int = Field(default=6, ge=2, le=16)
    polls: Times = 20

    @property
    def steps(self) -> int:
        """How many past steps the rules look at."""
        return max(within(self.repeats), within(self.polls), self.longest_cycle * max(self.cycles, self.polls))


def within(times: int) -> int:
    """In how many steps so many of one call are a loop: two of three. One that does something else between them is not
    in a loop of one call; whether it is in a cycle, the other rule tells."""
    return times + times // 2


class SessionPolicy(PolicyModel):
    """What a session may do, with all the sessions below it: they count on it, so that opening others is no way out.

    `max_steps` counts requests that reach a model, answered or not, `max_tokens` input and output; these and `max_usd`
    are hard limits in the ledger and never begin again. `max_seconds` is wall-clock time since the first step.
    `max_depth` is how many sessions may stand above one; 8 hurts nobody who means it (a supervisor's workers' helpers
    are at 2) and ends an agent that calls itself within seconds. `on_stop`: `reject` refuses; `downgrade` sends what is
    for `auto` to the cheapest allowed tier instead, where that helps: no tier makes a step of none. A session is
    forgotten `idle_s` after its last step; a day, so that who comes in the morning finds what ran at night.

    All but depth and loops are off: nobody but the operator knows how much an agent's work is worth.
    """

    max_steps: int | None = Field(default=None, ge=0, le=LARGEST)
    max_tokens: int | None = Field(default=None, ge=0, le=LARGEST)
    max_usd: Decimal | None = Field(default=None, ge=0, le=LARGEST // 1_000_000)
    max_seconds: float | None = Field(default=None, gt=0)
    max_depth: int | None = Field(default=8, ge=0, le=DEEPEST)
    loops: LoopPolicy = LoopPolicy()
    on_stop: Literal["reject", "downgrade"] = "reject"
    idle_s: int = Field(default=86_400, ge=60, le=90 * 86_400)

    @property
    def action(self) -> LimitAction:
        """What the ledger is to do at one of the hard limits."""
        return LimitAction.DOWNGRADE if self.on_stop == "downgrade" else LimitAction.REJECT

    @property
    def limits_much(self) -> bool:
        """Whether anything is limited that the operator wrote down, besides depth."""
        return bool(self.amounts()) or self.max_seconds is not None

    def amounts(self) -> list[tuple[Unit, int]]:
        """The hard limits as integers: dollars as micro-USD rounded down."""
        usd = None if self.max_usd is None else int(self.max_usd * 1_000_000)
        pairs = ((Unit.REQUESTS, self.max_steps), (Unit.TOKENS, self.max_tokens), (Unit.MICRO_USD, usd))
        return [(unit, amount) for unit, amount in pairs if amount is not None]
