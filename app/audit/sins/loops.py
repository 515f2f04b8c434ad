"""Agent loops: steps of a session that do what was done just before, with the same outcome."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import ClassVar

from app.agents.fingerprint import BYTES
from app.agents.loops import find_loop
from app.agents.records import AWAY_US, WAIT_US
from app.audit.case import Case, Lines
from app.audit.change import for_features
from app.audit.finding import Change, Place
from app.audit.notes import Noted, Step
from app.audit.sins.sin import Look
from app.config.agents import LoopPolicy

RULE = LoopPolicy(repeats=3, cycles=3, polls=0)
"""The product's own rule, with the third of the same call instead of the default's fifth: twice may be an honest second
try, and three times is what the default already takes for a cycle. Polls are not here: what changes may be waited for,
and how long, its operator said in `polls`."""

REASON = "session: agent loop"
"""Of a step that went on, on the cheapest tier, after its session was stopped for a loop."""


class AgentLoops:
    """Takes its verdicts from `looped_steps`: a loop shows only in a whole session."""

    name: ClassVar[str] = "agent_loops"
    title: ClassVar[str] = "Agent loops"
    rule: ClassVar[str] = (
        "All that was paid for steps of a session that end a loop by the rule of sessions.loops with repeats 3 and "
        "cycles 3: the same call with the same outcome for the third time within 4 steps, or a cycle of up "
        "to 6 calls three times over, without a wait of 10 s; and for steps after a stop for a loop."
    )
    assumed: ClassVar[str] = "That an agent stopped at the third repetition does not begin the loop anew."
    unit: ClassVar[str] = "steps"
    least_ratio: ClassVar[float] = 0.0
    by_cause: ClassVar[bool] = False

    def looks(self, noted: Noted) -> Iterable[Look]:
        """Every step of a session."""
        if noted.case.session:
            yield Look(part=int(noted.looped or noted.case.reason.startswith(REASON)))

    def fixed(self, case: Case, lines: Lines, cause: str) -> Lines:
        """Such a step is refused."""
        return ()

    def sure(self, case: Case, saved: int) -> int:
        """Digests do not err; what a dead replica held is an estimate."""
        return 0 if case.estimated else saved

    def change(self, places: Sequence[Place], days: float) -> Change:
        """The rule itself."""
        loops = {"repeats": RULE.repeats, "cycles": RULE.cycles}
        advice = "End the agent when its calls repeat, or let it wait between them."
        return Change(for_features(places, {"sessions": {"loops": loops}}), advice=advice)


def looped_steps(steps: Iterable[Step]) -> Iterator[str]:
    """The ids of those that end a loop, of steps in the order of `Notes.steps`."""
    session, history, ended = "", b"", 0.0
    for step in steps:
        if step.session != session:
            session, history, ended = step.session, b"", step.ended
        digests = _digests(step, step.at - ended)
        history = (history + digests)[-2 * BYTES * RULE.steps :]
        ended = max(ended, step.ended)
        if find_loop(history, RULE):
            yield step.id


def _digests(step: Step, waited_s: float) -> bytes:
    """Of the call and of its outcome, as `step.lua` keeps them: who waited does nothing again."""
    unlike = sha256(step.id.encode()).digest()[:BYTES]
    call, outcome = _told(step.step)
    if waited_s * 1_000_000 >= AWAY_US:
        call = unlike
    return call + (unlike if waited_s * 1_000_000 >= WAIT_US else outcome)


def _told(text: str) -> tuple[bytes, bytes]:
    """The record's own two digests; of a record without them the whole prompt's, which repeats only where it does."""
    try:
        digests = bytes.fromhex(text)
    except ValueError:
        digests = b""
    if len(digests) == 2 * BYTES:
        return digests[:BYTES], digests[BYTES:]
    whole = sha256(text.encode()).digest()[:BYTES]
    return whole, whole
