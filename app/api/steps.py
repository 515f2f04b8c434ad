"""What the headers say of an agent's step. They alone: `step` and `depth` in `metadata` are the app's own words."""

from typing import cast, get_args

from app.domain import DEEPEST, StepHints, StepKind
from app.errors import InvalidRequest

STEP, DEPTH = "x-leanserve-step", "x-leanserve-depth"


def step_of(kind: str, depth: str, parent: str) -> StepHints:
    """The hints, from what the three headers say. Raises `InvalidRequest`, naming the header."""
    if kind not in get_args(StepKind):
        raise InvalidRequest(f"{STEP} must be routine or critical", STEP)
    return StepHints(cast(StepKind, kind), _depth(depth), parent)


def _depth(said: str) -> int:
    """ASCII digits: `int` takes white space, signs, underscores and the digits of all scripts."""
    if not said:
        return 0
    if not (said.isascii() and said.isdigit() and len(said) <= len(str(DEEPEST)) and int(said) <= DEEPEST):
        raise InvalidRequest(f"{DEPTH} must be a whole number from 0 to {DEEPEST}", DEPTH)
    return int(said)
