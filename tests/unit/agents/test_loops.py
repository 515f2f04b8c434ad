"""Which histories are loops: real ones, and honest work that looks like them."""

import random
from collections.abc import Iterable

import pytest

from app.agents.loops import Loop, find_loop
from app.config.agents import LoopPolicy
from tests.unit.agents.transcripts import Agent, Call

DEFAULT = LoopPolicy()
SEARCH: Call = ("search_orders", {"customer": 17})


Turn = tuple[Call, str]
"""A call and its result."""


def stops(agent: Agent, turns: Iterable[Turn], policy: LoopPolicy = DEFAULT) -> int | None:
    """The number of the first turn after which the agent is in a loop, from 1."""
    history = b""
    for number, (call, result) in enumerate(turns, start=1):
        found = agent.take(call, result=result).seen()
        history += found.call + found.outcome
        if find_loop(history, policy):
            return number
    return None


def steps(text: str) -> bytes:
    """A history of calls by letter; a digit after one is its outcome."""
    pairs = [text[at : at + 2].encode() for at in range(0, len(text), 2)]
    return b"".join(pair[:1] * 8 + pair * 4 for pair in pairs)


def test_the_same_call_again_and_again() -> None:
    """With the same result: the fifth time."""
    assert stops(Agent(), [(SEARCH, "[]")] * 10) == 5


def test_the_same_error_again_and_again() -> None:
    """Though each has a request id of its own."""
    errors = (f"timeout, request 6f1c2a34-0000-4000-8000-{number:012x}" for number in range(10))
    assert stops(Agent(), ((SEARCH, error) for error in errors)) == 5


def test_a_loop_with_a_thought_in_between() -> None:
    """Five in seven."""
    other: Call = ("think", {"about": "the customer"})
    assert stops(Agent(), [(SEARCH, "[]")] * 3 + [(other, "ok")] + [(SEARCH, "[]")] * 5) == 6


def test_two_calls_in_turn() -> None:
    """A-B-A-B: three rounds."""
    other: Call = ("list_customers", {})
    assert stops(Agent(), [(SEARCH, "[]"), (other, "17")] * 5) == 6


def test_a_cycle_of_six() -> None:
    """And one of seven is beyond the default."""
    turns: list[Turn] = [((f"tool_{number}", {}), "ok") for number in range(7)]
    assert stops(Agent(), turns[:6] * 5) == 18
    assert stops(Agent(), turns * 5) is None


def test_paging_is_no_loop() -> None:
    """An argument changes, even where each page is empty."""
    assert stops(Agent(), ((("list_orders", {"page": page}), "[]") for page in range(200))) is None


def test_polling_what_changes_has_twenty_looks() -> None:
    """A job that moves on, looked at without a wait."""
    looks = [(("job_status", {"id": 7}), f"{share} % done") for share in range(100)]
    assert stops(Agent(), looks[:19]) is None
    assert stops(Agent(), looks) == 20


def test_a_test_run_after_each_edit_is_no_loop() -> None:
    """A coding agent: the same failing run, between edits that differ."""
    edits = ((("edit", {"file": "a.py", "line": number}), "written") for number in range(40))
    turns = (turn for edit in edits for turn in (edit, (("run_tests", {}), "1 failed")))
    assert stops(Agent(), turns) is None


def test_reading_a_file_again_between_other_work_is_no_loop() -> None:
    """Now and then the same look, among other calls."""
    source = random.Random(5)
    reads = [("read", {"file": name}) for name in "abcdefgh"]
    assert stops(Agent(), ((source.choice(reads), "text") for _ in range(200))) is None


def test_a_worker_of_a_queue_is_no_loop() -> None:
    """Lease, work, acknowledge: the first call is always the same, what it gives is not."""
    turns = (
        turn
        for job in range(60)
        for turn in ((("lease", {}), f"job {job}"), (("work", {"job": job}), "ok"), (("ack", {"job": job}), "ok"))
    )
    assert stops(Agent(), turns) is None


def test_a_cycle_whose_outcomes_change_has_twenty_rounds() -> None:
    """Two calls in turn, and something always moves."""
    rounds: list[list[Turn]] = [[(("sync", {}), f"{at} left"), (("log", {}), "ok")] for at in range(50)]
    turns = [turn for each in rounds for turn in each]
    assert stops(Agent(), turns) == 40


@pytest.mark.parametrize(
    ("text", "policy", "found"),
    [
        ("A1" * 5, {}, Loop("repeats", 1, 5, 5)),
        ("A1A1A1B1B2A1A1", {}, Loop("repeats", 1, 5, 7)),
        ("A1A1A1B1B2B3A1A1", {}, None),
        ("A1" * 4, {}, None),
        ("A1" * 4, {"repeats": 4}, Loop("repeats", 1, 4, 4)),
        ("A1" * 19, {"repeats": 0}, None),
        ("A1" * 20, {"repeats": 0}, Loop("polls", 1, 20, 20)),
        ("A1" * 50, {"repeats": 0, "polls": 0}, None),
        ("A1B1" * 3, {}, Loop("cycles", 2, 3, 6)),
        ("C1" + "A1B1" * 3, {}, Loop("cycles", 2, 3, 6)),
        ("A1B1" * 2 + "A1B2", {}, None),
        ("A1B1" * 30, {"cycles": 0, "polls": 0, "repeats": 0}, None),
        ("A1B1" * 3, {"longest_cycle": 2}, Loop("cycles", 2, 3, 6)),
        ("A1B1C1" * 3, {"longest_cycle": 2}, None),
        ("A1B1C1" * 3, {}, Loop("cycles", 3, 3, 9)),
        ("", {}, None),
    ],
)
def test_the_rules(text: str, policy: dict[str, int], found: Loop | None) -> None:
    """Each for itself, and what it tells."""
    assert find_loop(steps(text), LoopPolicy.model_validate(policy)) == found


def test_what_is_kept_suffices_for_every_rule() -> None:
    """A loop is found in the last `steps` steps as in all of them."""
    source = random.Random(3)
    for _ in range(300):
        policy = LoopPolicy(repeats=source.randint(2, 6), cycles=2, longest_cycle=4, polls=source.randint(2, 9))
        text = "".join(source.choice("ABC") + source.choice("12") for _ in range(source.randint(1, 60)))
        whole = steps(text)
        assert find_loop(whole[-16 * policy.steps :], policy) == find_loop(whole, policy)
