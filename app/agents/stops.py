"""Why a session may not go on, in words for the agent's author. No word of a prompt: numbers, and names of tools."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import msgspec

from app.agents.loops import Loop, LoopRule
from app.config.agents import LoopPolicy, SessionPolicy
from app.domain import BudgetExceeded, Kin, Limit, Period, Unit
from app.errors import AgentLoop, LeanServeError, SessionStopped
from app.observe.labels import clean

Rule = LoopRule | Literal["max_steps", "max_tokens", "max_usd", "max_seconds", "max_depth"]

LOOPS = frozenset(get_args(LoopRule))
RULES: dict[Unit, Rule] = {
    Unit.REQUESTS: "max_steps",
    Unit.TOKENS: "max_tokens",
    Unit.MICRO_USD: "max_usd",
}
"""The session policy's names for what the ledger counts."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a step may not be taken. `message` says what to do."""

    rule: Rule
    message: str

    @property
    def is_loop(self) -> bool:
        """Whether it was a loop, which ends the session for good."""
        return self.rule in LOOPS

    @property
    def reason(self) -> str:
        """In a few words, one of few phrases: why only the cheapest tier serves."""
        return f"session: {'agent loop' if self.is_loop else self.rule}"

    def error(self) -> LeanServeError:
        """What the client is told."""
        return AgentLoop(self.message) if self.is_loop else SessionStopped(self.message)


def looped(session: str, loop: Loop, tools: str, policy: LoopPolicy) -> Stop:
    """The same call or cycle again and again."""
    what = f"tool {clean(tools)} with the same arguments" if tools else "the same request, no tool called"
    outcome = "" if loop.rule == "polls" else " and the same outcome"
    if loop.length == 1:
        found = f"the same call ({what}{outcome}) came {loop.times} times in {loop.steps} steps"
    else:
        last = f", the last one {what}" if tools else ""
        found = f"a cycle of {loop.length} calls{outcome and ', with the same outcomes'}{last}, came {loop.times} times"
    setting = f"sessions.loops.{loop.rule} (now {getattr(policy, loop.rule)})"
    return Stop(
        loop.rule,
        f"session {_name(session)} is in a loop: {found}. It stays stopped: begin another session. Let the agent end "
        f"when its calls repeat, or let it wait between them; where this is meant, raise {setting}",
    )


def in_force(stored: bytes, policy: SessionPolicy) -> Stop | None:
    """A stop as it was kept, in JSON, unless the policy has switched its rule off since."""
    if not stored:
        return None
    stop = msgspec.json.decode(stored, type=Stop)
    return stop if getattr(policy.loops, stop.rule) else None


def too_long(name: str, asked: str, seconds: float, policy: SessionPolicy) -> Stop | None:
    """`max_seconds` of the session `name`, by the clock of Redis; `asked` is the request's own."""
    if policy.max_seconds is None or seconds < policy.max_seconds:
        return None
    began = f"began {seconds:.0f} s ago; sessions.max_seconds is {policy.max_seconds:g}"
    return Stop("max_seconds", f"{_which(name, asked)} stopped: it {began}. Begin another session, or raise it")


def too_deep(depth: int, policy: SessionPolicy) -> Stop | None:
    """`max_depth`."""
    if policy.max_depth is None or depth <= policy.max_depth:
        return None
    return Stop(
        "max_depth",
        f"an agent at depth {depth}, where sessions.max_depth is {policy.max_depth}: agents begin agents begin agents. "
        "Let the one above do the work, or raise it",
    )


def used_up(exceeded: BudgetExceeded, lineage: Sequence[Kin]) -> Stop:
    """A hard limit of a session, as the ledger refused it."""
    limit, rule = exceeded.limit, RULES[exceeded.limit.unit]
    parts = dict(limit.scope.parts)
    left, needed, amount = (_amount(limit.unit, n) for n in (exceeded.remaining, exceeded.requested, limit.amount))
    needs = "" if limit.unit is Unit.REQUESTS else f" and this step needs at least {needed}"
    return Stop(
        rule,
        f"{_which(parts['session'], lineage[0].name)} stopped: of sessions.{rule}, {amount}, {left} left{needs}, the "
        "sessions below it included. Begin another session, or raise it",
    )


def rule_of(limit: Limit) -> str:
    """What the policy calls a limit on a session: the session policy, or a budget that names sessions."""
    own = len(limit.scope.parts) == 1 and limit.window.period is Period.TOTAL
    return RULES[limit.unit] if own and limit.unit in RULES else limit.unit


def gone(limit: Limit, left: int = 0, needed: int = 0) -> Stop | None:
    """A limit of the session of which nothing is left, or less than a step needs; None for one that begins again."""
    rule = RULES.get(limit.unit)
    if limit.window.period is not Period.TOTAL or rule is None:
        return None
    of = f"of {rule}, {_amount(limit.unit, limit.amount)}"
    if not left:
        return Stop(rule, f"nothing is left {of}")
    last = f"the last step that was refused needed at least {_amount(limit.unit, needed)}"
    return Stop(rule, f"{of}, {_amount(limit.unit, left)} are left; {last}")


def _which(name: str, asked: str) -> str:
    return f"session {_name(name)} is" if name == asked else f"session {_name(name)}, above this one, is"


def _name(session: str) -> str:
    return repr(clean(session))


def _amount(unit: Unit, number: int) -> str:
    return f"{number / 1_000_000:.6f} USD" if unit is Unit.MICRO_USD else f"{number} {RULES[unit].removeprefix('max_')}"
