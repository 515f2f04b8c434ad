"""Loops in the fingerprints of a session's last steps. Pure."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from app.agents.fingerprint import BYTES
from app.config.agents import LoopPolicy, within

LoopRule = Literal["repeats", "cycles", "polls"]


@dataclass(frozen=True, slots=True)
class Loop:
    """What was found: a cycle of `length` calls (1: the same call), `times` over, in the last `steps` steps."""

    rule: LoopRule
    length: int
    times: int
    steps: int


def find_loop(history: bytes, policy: LoopPolicy) -> Loop | None:
    """The loop that ends with the last step of `history`, if any.

    `history` is the steps' digests, oldest first, of each the call's and the outcome's, `2 * BYTES` together.
    """
    calls = b"".join(history[at : at + BYTES] for at in range(0, len(history), 2 * BYTES))
    pairs, calls_only = _Steps(history, 2 * BYTES), _Steps(calls, BYTES)
    return (
        _repeated(pairs, policy.repeats, "repeats")
        or _cycled(pairs, policy.cycles, policy.longest_cycle, "cycles")
        or _repeated(calls_only, policy.polls, "polls")
        or _cycled(calls_only, policy.polls, policy.longest_cycle, "polls")
    )


class _Steps(NamedTuple):
    """Digests of `width` bytes each. They are compared where they lie: cutting them up would take longest."""

    digests: bytes
    width: int

    def last(self, steps: int) -> bytes:
        """Of the last so many steps; of fewer where there are not as many."""
        return self.digests[-steps * self.width :]

    def split(self, steps: int) -> list[bytes]:
        """The last so many, each for itself."""
        found = self.last(steps)
        return [found[at : at + self.width] for at in range(0, len(found), self.width)]


def _repeated(steps: _Steps, times: int, rule: LoopRule) -> Loop | None:
    recent = steps.split(within(times)) if times else []
    at = [place for place, step in enumerate(recent) if step == recent[-1]]
    return Loop(rule, 1, len(at), len(recent) - at[0]) if recent and len(at) >= times else None


def _cycled(steps: _Steps, times: int, longest: int, rule: LoopRule) -> Loop | None:
    """Of calls that are not all the same: those repeat."""
    for length in range(2, longest + 1) if times else ():
        whole = steps.last(length * times)
        if whole and whole == steps.last(length) * times and len(set(steps.split(length))) > 1:
            return Loop(rule, length, times, length * times)
    return None
