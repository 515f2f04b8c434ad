"""Steps of sessions against a real Redis: whose they are, on whom they count, when they end."""

import asyncio
from typing import Any

import pytest

from app.agents.limits import session_limits
from app.agents.sessions import Sessions
from app.domain import Kin, LimitAction, Period, StepHints, Unit
from app.errors import AgentLoop, InvalidRequest, SessionStopped, SessionTaken
from tests.unit.agents.conftest import Room, answered
from tests.unit.agents.transcripts import Agent

SEARCH = ("search_orders", {"customer": 17})


def under(parent: str, depth: int = 0) -> StepHints:
    """A step of a session that `parent` began."""
    return StepHints(parent=parent, depth=depth)


async def loop(room: Room, agent: Agent, times: int = 9) -> int:
    """How many of the same calls were let through."""
    for number in range(times):
        try:
            await room.take(agent.take(SEARCH).request())
        except AgentLoop:
            return number
    return times


async def test_a_request_without_a_session_costs_no_round_trip(room: Room) -> None:
    """And has no step."""
    room.sessions = Sessions(None, None)  # type: ignore[arg-type]
    journey = await room.begin(Agent(session="").request())
    assert journey.step is None


async def test_a_loop_is_stopped_with_words_for_its_author(room: Room) -> None:
    """The rule, the counts, the tool, what to do; no word of the prompt nor of the arguments."""
    agent = Agent(task="my secret question")
    for _ in range(4):
        await room.take(agent.take(SEARCH).request())
    with pytest.raises(AgentLoop) as raised:
        await room.take(agent.take(SEARCH).request())
    text = str(raised.value)
    assert "session 's1' is in a loop: the same call (tool search_orders with the same arguments" in text
    assert "came 5 times in 5 steps" in text
    assert "sessions.loops.repeats (now 5)" in text
    assert "secret" not in text
    assert "17" not in text
    assert (raised.value.http_status, raised.value.code, raised.value.retry_after_s) == (403, "agent_loop", None)


async def test_a_stopped_session_stays_stopped(room: Room) -> None:
    """Another call does not revive it, nor a session below it; another session does what it likes."""
    agent = Agent()
    assert await loop(room, agent) == 4
    with pytest.raises(AgentLoop, match="search_orders"):
        await room.take(agent.take(("something_else", {})).request())
    with pytest.raises(AgentLoop, match="'s1'"):
        await room.take(Agent(session="below").request(under("s1")))
    await room.take(Agent(session="s2").request())


async def test_a_rule_that_is_switched_off_lets_it_go_on(room: Room) -> None:
    """The operator's word counts now."""
    agent = Agent()
    await loop(room, agent)
    room.rules(loops={"repeats": 0, "polls": 0})
    await room.take(agent.take(SEARCH).request())


async def test_who_waits_is_polling(room: Room) -> None:
    """Ten seconds after each answer: twenty looks."""
    agent = Agent()
    for number in range(19):
        await room.at(11 * number)
        await room.take(agent.take(SEARCH).request())
    await room.at(11 * 19)
    with pytest.raises(AgentLoop, match=r"sessions.loops.polls \(now 20\)"):
        await room.take(agent.take(SEARCH).request())


async def test_a_timetable_is_no_loop(room: Room) -> None:
    """Every five minutes, for ever."""
    agent = Agent()
    for number in range(60):
        await room.at(301 * number)
        await room.take(agent.take(SEARCH).request())


async def test_a_wait_is_counted_from_the_answer_not_from_the_question(room: Room) -> None:
    """A slow model is no patient agent."""
    agent = Agent()
    for number in range(4):
        await room.at(60 * number)
        journey = await room.begin(agent.take(SEARCH).request())
        await room.at(60 * number + 59)
        await room.sessions.ended(answered(journey))
    await room.at(240)
    with pytest.raises(AgentLoop):
        await room.begin(agent.take(SEARCH).request())


async def test_trying_again_after_a_failure_is_no_loop(room: Room) -> None:
    """The same request, while nothing was answered and nothing paid; then it is a step like any other."""
    agent = Agent().take(SEARCH)
    for _ in range(12):
        await room.sessions.ended(await room.begin(agent.request()))
    assert await loop(room, agent) == 4


async def test_trying_again_what_was_paid_is_a_loop(room: Room) -> None:
    """A retry loop at night, each try cut off and paid for."""
    request = Agent().take(SEARCH).request
    for _ in range(4):
        await room.take(request())
    with pytest.raises(AgentLoop):
        await room.take(request())


async def test_steps_at_once_are_seen_by_each_other(room: Room) -> None:
    """Two replicas, one session: of nine of the same, four are let through."""
    agent = Agent().take(SEARCH)
    found = await asyncio.gather(*(room.begin(agent.request()) for _ in range(9)), return_exceptions=True)
    assert sum(isinstance(each, AgentLoop) for each in found) == 5


@pytest.mark.parametrize("other", [{"user": "bob"}, {"user": ""}, {"team": "blue"}])
async def test_a_session_belongs_to_its_user_and_team(room: Room, other: dict[str, str]) -> None:
    """Another of the same tenant who names it, or puts a session below it, is refused and changes nothing."""
    await room.take(Agent().request())
    for step in (None, under("s1")):
        who = {**other, "session": "mine"} if step else other
        with pytest.raises(SessionTaken, match="'s1' belongs to another user or team") as raised:
            await room.begin(Agent(**who).request(step))
        assert raised.value.http_status == 403
    assert (await room.records.look(room.store, "acme", "mine")) is None
    await room.take(Agent().request())


async def test_tenants_do_not_see_each_other(room: Room) -> None:
    """The same name is another session, whatever the name is."""
    for name in ("s1", "{other}:s1", "a:b", "ü\u00a0x", "x" * 128):
        for tenant in ("acme", "other"):
            agent = Agent(session=name, user=tenant)
            request = agent.request()
            object.__setattr__(agent.caller, "tenant", tenant)
            await room.take(request)
        record = await room.records.look(room.store, "other", name)
        assert record is not None
        assert (record.text("name"), record.text("user")) == (name, "other")


async def test_what_a_child_may_is_what_its_ancestors_may(room: Room) -> None:
    """The limits of each session of the lineage, by the feature that began it: opening sessions is no way out."""
    room.rules({"helper": {"max_steps": 2, "max_usd": "0.5", "on_stop": "downgrade"}}, max_steps=10, max_tokens=1000)
    await room.take(Agent(session="top").request())
    await room.take(Agent(session="middle", feature="helper").request(under("top")))
    journey = await room.begin(Agent(session="low").request(under("middle")))
    assert journey.step
    assert journey.step.lineage == (Kin("low", ""), Kin("middle", "helper"), Kin("top", ""))
    limits = session_limits("acme", journey.step.lineage, room.policy)
    told = [(str(each.scope), each.unit, each.amount, each.action) for each in limits]
    reject, downgrade = LimitAction.REJECT, LimitAction.DOWNGRADE
    assert told == [
        ("tenant=acme,session=low", Unit.REQUESTS, 10, reject),
        ("tenant=acme,session=low", Unit.TOKENS, 1000, reject),
        ("tenant=acme,session=middle", Unit.REQUESTS, 2, downgrade),
        ("tenant=acme,session=middle", Unit.TOKENS, 1000, downgrade),
        ("tenant=acme,session=middle", Unit.MICRO_USD, 500_000, downgrade),
        ("tenant=acme,session=top", Unit.REQUESTS, 10, reject),
        ("tenant=acme,session=top", Unit.TOKENS, 1000, reject),
    ]
    assert {each.window.period for each in limits} == {Period.TOTAL}


async def test_a_session_stays_below_who_began_it(room: Room) -> None:
    """The header may be left off later, but not changed; none goes below itself."""
    await room.take(Agent(session="low").request(under("top")))
    assert (journey := await room.begin(Agent(session="low").request())).step
    assert [kin.name for kin in journey.step.lineage] == ["low", "top"]
    for session, parent, said in (("low", "other", "'top'"), ("top", "low", "itself"), ("new", "new", "itself")):
        with pytest.raises(InvalidRequest, match=f"begun by {said}"):
            await room.begin(Agent(session=session).request(under(parent)))
    for name in ("other", "new"):
        assert await room.records.look(room.store, "acme", name) is None


async def test_a_parent_without_a_session_is_refused(room: Room) -> None:
    """Whose child would it be?"""
    with pytest.raises(InvalidRequest, match="x-leanserve-session"):
        await room.begin(Agent(session="").request(under("top")))


async def test_an_agent_that_begins_itself_ends_at_the_depth(room: Room) -> None:
    """Each a session below the last, by default eight."""
    names = [f"s{number}" for number in range(20)]
    await room.take(Agent(session=names[0]).request())
    for depth in range(1, 9):
        await room.take(Agent(session=names[depth]).request(under(names[depth - 1])))
    with pytest.raises(SessionStopped, match=r"depth 9, where sessions.max_depth is 8"):
        await room.take(Agent(session=names[9]).request(under(names[8])))


async def test_no_policy_allows_an_endless_lineage(room: Room) -> None:
    """Each step looks at all of them."""
    room.rules(max_depth=None)
    for depth in range(1, 33):
        await room.take(Agent(session=f"s{depth}").request(under(f"s{depth - 1}")))
    with pytest.raises(InvalidRequest, match="33 sessions would stand above 's33'; 32 may"):
        await room.take(Agent(session="s33").request(under("s32")))


@pytest.mark.parametrize("session", ["", "s1"])
async def test_a_depth_that_the_client_says_counts(room: Room, session: str) -> None:
    """With a session or without; what was said once is not taken back."""
    room.rules(max_depth=3)
    await room.take(Agent(session=session).request(StepHints(depth=3)))
    with pytest.raises(SessionStopped):
        await room.take(Agent(session=session).request(StepHints(depth=4)))
    if session:
        with pytest.raises(SessionStopped):
            await room.take(Agent(session=session).request())


async def test_the_clock_stops_a_session_and_those_below_it(room: Room) -> None:
    """From the first step, by the clock of Redis; a longer limit lets it go on."""
    room.rules(max_seconds=60)
    await room.take(Agent().request())
    await room.at(59)
    await room.take(Agent(task="more").request())
    await room.take(Agent(session="below").request(under("s1")))
    await room.at(60)
    with pytest.raises(SessionStopped, match=r"session 's1' is stopped: it began 60 s ago; sessions.max_seconds is 60"):
        await room.take(Agent().request())
    with pytest.raises(SessionStopped, match="'s1', above this one, is stopped"):
        await room.take(Agent(session="below").request())
    room.rules(max_seconds=61)
    await room.take(Agent().request())


async def test_downgrade_lets_the_cheapest_tier_go_on(room: Room) -> None:
    """And says why, for all that follows; who named a model or says that it matters is refused."""
    room.rules(on_stop="downgrade", max_seconds=60)
    agent = Agent()
    assert await loop(room, agent) == 9
    assert (await room.take(agent.take(("other", {})).request())).downgrade == "session: agent loop"
    for refused in (agent.request(model="large"), agent.request(StepHints("critical"))):
        with pytest.raises(AgentLoop):
            await room.take(refused)
    await room.take(Agent(session="slow").request())
    await room.at(61)
    assert (await room.take(Agent(session="slow").request())).downgrade == "session: max_seconds"
    assert (await room.take(Agent(session="").request(StepHints(depth=9)))).downgrade == "session: max_depth"


async def test_a_step_is_booked_once_on_all_above_it(room: Room) -> None:
    """Twice told is once booked, and what came to nothing is no step."""
    await room.take(Agent(session="top").request(), (100, 50), 70)
    journey = await room.take(Agent(session="low").request(under("top")), (10, 5), 7)
    await room.sessions.ended(journey)
    await room.sessions.ended(await room.begin(Agent(session="low").request()))
    assert await totals(room, "low") == (1, 0, 10, 5, 7)
    assert await totals(room, "top") == (2, 0, 110, 55, 77)


async def test_a_session_is_forgotten_when_it_was_idle(room: Room) -> None:
    """A child keeps those above it alive, and never shortens their time."""
    room.rules({"short": {"idle_s": 100}}, idle_s=1000)
    await room.take(Agent(session="top").request())
    await room.take(Agent(session="low", feature="short").request(under("top")))
    stem = room.store.keys.agents("acme")
    assert 900 < await room.store.command("TTL", f"{stem}top") <= 1000
    assert 0 < await room.store.command("TTL", f"{stem}low") <= 100
    for name in ("top", "low"):
        await room.store.command("EXPIRE", f"{stem}{name}", 10)
    await room.take(Agent(session="low", feature="short").request())
    for name in ("top", "low"):
        assert 90 < await room.store.command("TTL", f"{stem}{name}") <= 100
    await room.store.command("DEL", f"{stem}top", f"{stem}low")
    await room.sessions.ended(await room.begin(Agent(session="low").request()))
    assert await totals(room, "low") == (0, 0, 0, 0, 0)


async def test_a_record_that_vanishes_under_a_step_is_not_made_again(room: Room) -> None:
    """Nothing is left without its time to live."""
    journey = await room.begin(Agent().request())
    stem = room.store.keys.agents("acme")
    await room.store.command("DEL", f"{stem}s1")
    await room.sessions.ended(journey)
    assert await room.store.command("KEYS", f"{stem}*") == []


async def totals(room: Room, session: str) -> tuple[Any, ...]:
    """Steps, cached, tokens in and out, micro-USD."""
    record = await room.records.look(room.store, "acme", session)
    assert record is not None
    assert [name for name in record.fields if name.startswith("r:")] == []
    return tuple(map(record.number, ("steps", "cached", "input_tokens", "output_tokens", "micro_usd")))
