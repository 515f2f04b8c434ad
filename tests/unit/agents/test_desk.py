"""What is told of a session, and to whom."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.agents.desk import SessionDesk, SessionView
from app.agents.limits import session_limits
from app.agents.sessions import explained
from app.agents.stops import Stop, rule_of
from app.budget.ledger import Booked
from app.config.policy import Policy
from app.domain import BudgetExceeded, Caller, Limit, StepHints, Unit
from app.errors import AgentLoop, BudgetRefused, NotFound, SessionStopped
from tests.unit.agents.conftest import NOON, Room
from tests.unit.agents.transcripts import Agent

ANN = Caller("acme", user="ann", session="s1")


class FakeBooks:
    """A ledger in which `spent` of each unit is booked on whatever is limited."""

    def __init__(self, **spent: int) -> None:
        self._spent = spent

    async def booked(self, tenant: str, limits: Sequence[Limit]) -> list[Booked]:
        return [Booked(each, self._spent.get(each.unit, 0), 0) for each in limits]


async def look(room: Room, caller: Caller = ANN, **spent: int) -> SessionView:
    """The view, by a ledger that booked so much."""
    return await SessionDesk(room.sessions, FakeBooks(**spent)).view(caller, room.policy)


async def test_what_a_session_spent(room: Room) -> None:
    """Steps, tokens, money and tiers, those of the sessions below it included; and when."""
    await room.take(Agent().request(), (100, 50), 70)
    await room.at(5)
    await room.take(Agent(session="low").request(StepHints(parent="s1")), (10, 5), 7)
    found = await look(room)
    assert found.totals == {Unit.REQUESTS: 2, Unit.TOKENS: 165, Unit.MICRO_USD: 77}
    assert (found.record.number("input_tokens"), found.record.number("output_tokens")) == (110, 55)
    assert (found.record.seconds("started"), found.record.seconds("last")) == (NOON, NOON)
    assert (found.record.tiers(), found.booked, found.stop) == ({"small": 1}, (), None)
    below = await look(room, replace(ANN, session="low"))
    assert (below.record.parent, below.record.number("depth"), below.record.seconds("last")) == ("s1", 1, NOON + 5)


@pytest.mark.parametrize("other", [{"user": "bob"}, {"user": ""}, {"team": "red"}, {"tenant": "b"}, {"session": "s"}])
async def test_only_its_own_user_sees_it(room: Room, other: dict[str, Any]) -> None:
    """Others hear what they would hear if there were none."""
    await room.take(Agent().request())
    with pytest.raises(NotFound, match="no session"):
        await look(room, replace(ANN, **other))


async def test_what_is_left_is_what_the_ledger_says(room: Room) -> None:
    """By the policy of the feature that began it; and budgets that name sessions."""
    room.policy = Policy.model_validate(
        {
            "sessions": {"max_steps": 10, "max_seconds": 60},
            "features": {"faq": {"sessions": {"max_tokens": 1000}}},
            "budgets": [{"session": "*", "usd": "1", "window": "hour"}, {"user": "*", "tokens": 5}],
        }
    )
    await room.take(Agent(feature="faq").request())
    await room.at(20)
    found = await look(room, replace(ANN, feature="another"), tokens=400, requests=3)
    told = [(rule_of(each.limit), each.limit.amount - each.spent) for each in found.booked]
    assert told == [("max_steps", 7), ("max_tokens", 600), ("micro_usd", 1_000_000)]
    assert (found.max_seconds, found.seconds_left) == (60, 40)
    assert found.totals[Unit.TOKENS] == 400, "the books know what a dead replica held"


@pytest.mark.parametrize(
    ("rules", "spent", "rule"),
    [
        ({"max_steps": 1}, {"requests": 1}, "max_steps"),
        ({"max_tokens": 10}, {"tokens": 9}, None),
        ({"max_usd": "0.00001"}, {"micro_usd": 10}, "max_usd"),
        ({"max_seconds": 5}, {}, "max_seconds"),
        ({"max_seconds": 7}, {}, None),
    ],
)
async def test_whether_it_is_stopped(
    room: Room, rules: dict[str, Any], spent: dict[str, Any], rule: str | None
) -> None:
    """By whichever rule says so now."""
    await room.take(Agent().request())
    room.rules(**rules)
    await room.at(6)
    stop = (await look(room, **spent)).stop
    assert (stop and stop.rule) == rule


async def test_a_loop_is_told_as_it_was_told_to_the_agent(room: Room) -> None:
    """In the same words; not while the rule is off."""
    agent = Agent()
    room.rules(loops={"repeats": 2})
    await room.take(agent.take(("search", {})).request())
    with pytest.raises(AgentLoop) as raised:
        await room.take(agent.take(("search", {})).request())
    found = (await look(room)).stop
    assert found
    assert (found.rule, found.message) == ("repeats", str(raised.value))
    room.rules(loops={"repeats": 0})
    assert (await look(room)).stop is None


async def test_a_sessions_limit_is_refused_in_words_for_its_author(room: Room) -> None:
    """403 and `session_stopped`, where others' limits stay what they were."""
    room.rules(max_steps=10, max_usd="0.5")
    await room.take(Agent().request())
    journey = await room.begin(Agent(session="low").request(StepHints(parent="s1")))
    assert journey.step
    steps, usd = (
        each
        for each in session_limits("acme", journey.step.lineage, room.policy)
        if each.scope.parts == (("session", "s1"),)
    )
    told = explained(BudgetRefused(BudgetExceeded(steps, 0, 1, None)), journey, room.policy)
    assert isinstance(told, SessionStopped)
    assert (told.http_status, told.code) == (403, "session_stopped")
    assert str(told) == (
        "session 's1', above this one, is stopped: of sessions.max_steps, 10 steps, 0 steps left, the sessions "
        "below it included. Begin another session, or raise it"
    )
    assert "0.500000 USD, 0.000100 USD left and this step needs at least 0.000200 USD, the sessions" in str(
        explained(BudgetRefused(BudgetExceeded(usd, 100, 200, None)), journey, room.policy)
    )
    other = BudgetRefused(BudgetExceeded(replace(steps, amount=11), 0, 1, None))
    assert explained(other, journey, room.policy) is other


async def refuse(room: Room, unit: Unit, needed: int, session: str = "s1", of: str = "s1") -> None:
    """A step of `session` that the limit on `of` has no room for."""
    journey = await room.begin(Agent(session=session).request())
    assert journey.step
    limits = session_limits("acme", journey.step.lineage, room.policy)
    limit = next(each for each in limits if each.unit is unit and each.scope.parts == (("session", of),))
    explained(BudgetRefused(BudgetExceeded(limit, 0, needed, None)), journey, room.policy)
    await room.sessions.ended(journey)


@pytest.mark.parametrize(
    ("rule", "amount", "more", "unit", "left"),
    [
        ("max_usd", "0.00005", "1", Unit.MICRO_USD, "0.000050 USD, 0.000015 USD are left"),
        ("max_tokens", 50, 1000, Unit.TOKENS, "50 tokens, 15 tokens are left"),
    ],
)
async def test_less_left_than_the_refused_step_needed_is_a_stop(
    room: Room, rule: str, amount: Any, more: Any, unit: Unit, left: str
) -> None:
    """As the step was told; no longer when one got through, or when the limit was raised."""

    async def stop() -> Stop | None:
        return (await look(room, ANN, **{str(unit): 35})).stop

    room.rules(**{rule: amount})
    await room.take(Agent().request())
    assert await stop() is None, "nobody knows yet what the next step needs"
    await refuse(room, unit, 15)
    assert await stop() is None, "so much is there again: others gave it back"
    await refuse(room, unit, 16)
    found = await stop()
    assert found
    assert (found.rule, found.message.partition("; ")[0]) == (rule, f"of {rule}, {left}")
    room.rules(**{rule: more})
    assert await stop() is None
    room.rules(**{rule: amount})
    await room.sessions.ended(await room.begin(Agent().request()))
    assert await stop() == found, "what asked no engine proves nothing"
    await room.take(Agent().request())
    assert await stop() is None


async def test_a_refusal_by_the_session_above_is_a_stop_of_that_one(room: Room) -> None:
    """Whose limit it is; and a step below that gets through ends it there."""
    room.rules(max_tokens=50)
    await room.take(Agent().request())
    await room.take(Agent(session="low").request(StepHints(parent="s1")))
    await refuse(room, Unit.TOKENS, 16, session="low")
    above, below = await look(room, tokens=35), await look(room, replace(ANN, session="low"), tokens=35)
    assert (above.stop and above.stop.rule, below.stop) == ("max_tokens", None)
    await room.take(Agent(session="low").request())
    assert (await look(room, tokens=35)).stop is None
