"""Sessions of agents: what a client says of a step, and what is known of it."""

from dataclasses import dataclass
from typing import Literal

DEEPEST = 32
"""How many sessions may stand above one, whatever the policy says: each of them is looked at in every step below it."""

StepKind = Literal["", "routine", "critical"]


@dataclass(frozen=True, slots=True)
class StepHints:
    """What the client says of this step: is it routine or critical, how deep is its agent, which session began its own.

    From `x-leanserve-step`, `-depth` and `-parent-session`. Empty and 0 where nothing is said.
    """

    kind: StepKind = ""
    depth: int = 0
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Kin:
    """A session that a step counts on: its name, and the feature that began it, whose policy it follows."""

    name: str
    feature: str


@dataclass(frozen=True, slots=True)
class SessionStep:
    """A request as a step of its session.

    `lineage` is the session, the one that began it, and so on up to the first: their limits bind it beside the
    caller's. `downgrade` says why only the cheapest allowed tier may serve; empty where nothing was stopped.
    """

    lineage: tuple[Kin, ...]
    downgrade: str = ""
