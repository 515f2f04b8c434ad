"""Who waits for a limit: in which order, how many, how long. The clock stands, and sleeping moves it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest

from app.budget.queue import AFTER_S, AWAY_POLL_S, MOST_ABREAST, POLL_S, ThrottleQueue, only_held
from app.config.budgets import ThrottlePolicy
from app.domain import BudgetExceeded, Limit, LimitAction, Period, Refusal, Scope, ScopeStopped, Unit, Window
from app.errors import StoreUnavailable
from tests.fakes_backends import FakeClock

ONE = Limit(Scope("acme"), Unit.CONCURRENT, 1, action=LimitAction.THROTTLE)
FULL = BudgetExceeded(ONE, 0, 1, None)
POLICY = ThrottlePolicy(max_wait_s=1)


class Line:
    """A queue, and a limit that lets through as many as `free` says; `through` keeps who came through, in order."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.slept: list[float] = []
        self.free = 0
        self.through: list[str] = []
        self.tried: list[str] = []
        self.queue = ThrottleQueue(clock=self.clock, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.now += seconds
        await asyncio.sleep(0)

    def trying(self, name: str, refusal: Refusal = FULL) -> Callable[[], Awaitable[Refusal | None]]:
        """A try of `name`, refused with `refusal` while nothing is free."""

        async def again() -> Refusal | None:
            self.tried.append(name)
            if not self.free:
                return refusal
            self.free -= 1
            self.through.append(name)
            return None

        return again

    async def wait(
        self, name: str, policy: ThrottlePolicy = POLICY, refusal: BudgetExceeded = FULL, then: Refusal | None = None
    ) -> Refusal | None:
        return await self.queue.wait(policy, refusal, self.trying(name, then or refusal))


PATIENT = ThrottlePolicy(max_wait_s=1000)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_waits_is_let_through_when_there_is_room() -> None:
    """Somebody else ended."""
    line = Line()
    waiting = asyncio.ensure_future(line.wait("a", PATIENT))
    await turns()
    assert not waiting.done()
    line.free = 1
    assert await waiting is None
    assert set(line.slept) == {POLL_S}


async def test_in_the_order_of_coming() -> None:
    """Only the first in line tries, so that none overtakes it."""
    line = Line()
    waiting = []
    for name in "abc":
        waiting.append(asyncio.ensure_future(line.wait(name, PATIENT)))
        await turns(2)
    await turns()
    assert set(line.tried) == {"a"}
    line.free = 3
    assert await asyncio.gather(*waiting) == [None] * 3
    assert line.through == ["a", "b", "c"]


async def test_when_the_line_flows_the_next_tries_at_once() -> None:
    """One sleep for all of them: a line of a thousand is not served ten a second."""
    line = Line()
    waiting = [asyncio.ensure_future(line.wait(name, PATIENT)) for name in "abc"]
    line.free = 3
    await asyncio.gather(*waiting)
    assert line.slept == [POLL_S]


class Slow:
    """A limit that lets through as many as `free` says, and whose ledger takes its time; `most` tried at once."""

    def __init__(self, free: int) -> None:
        self.free, self.under_way, self.most, self.rounds = free, 0, 0, 0
        self.through: list[int] = []
        self.refused: list[int] = []

    async def again(self, number: int) -> Refusal | None:
        self.under_way += 1
        self.most, self.rounds = max(self.most, self.under_way), self.rounds + (self.under_way == 1)
        await asyncio.sleep(0.005)
        self.under_way -= 1
        if not self.free:
            self.refused.append(number)
            return FULL
        self.free -= 1
        self.through.append(number)
        return None


async def test_where_there_is_room_for_many_they_try_abreast() -> None:
    """In the order of coming, twice as many each time: two hundred round trips took longer than they waited."""
    line, slow = Line(), Slow(200)
    waits = [line.queue.wait(PATIENT, FULL, partial(slow.again, number)) for number in range(200)]
    assert await asyncio.gather(*waits) == [None] * 200
    assert slow.through == list(range(200))
    assert slow.most == MOST_ABREAST
    assert slow.rounds < 20
    assert line.slept == [POLL_S]


async def test_where_there_is_room_for_some_only_the_first_tries_again() -> None:
    """Those who found nothing keep their places."""
    line, slow = Line(), Slow(10)
    waits = [asyncio.ensure_future(line.queue.wait(PATIENT, FULL, partial(slow.again, n))) for n in range(50)]
    await asyncio.sleep(0.2)
    assert slow.through == list(range(10))
    assert len(set(slow.refused)) < 2 * 10
    slow.refused.clear()
    await asyncio.sleep(0.1)
    assert set(slow.refused) == {10}
    slow.free = 40
    assert await asyncio.gather(*waits) == [None] * 50
    assert slow.through == list(range(50))
    assert (line.queue._lines, line.queue._waiting) == ({}, 0)


HELD = BudgetExceeded(Limit(Scope("acme"), Unit.TOKENS, 100), 5, 10, None, held=5)


@pytest.mark.parametrize(
    ("refusal", "waits"),
    [
        (HELD, True),
        (replace(HELD, held=4), False),
        (replace(HELD, limit=replace(HELD.limit, unit=Unit.REQUESTS)), False),
        (replace(HELD, limit=replace(HELD.limit, action=LimitAction.DOWNGRADE)), False),
    ],
)
def test_what_others_hold_is_waited_for(refusal: BudgetExceeded, waits: bool) -> None:
    """Where all of it would do, and the policy has nothing better for who is refused."""
    assert only_held(refusal) is waits


async def test_who_only_holds_keep_out_waits_until_they_are_spent() -> None:
    """What was spent meanwhile does not come back: refused, without waiting on."""
    line, tries = Line(), [HELD, replace(HELD, remaining=0, held=5)]

    async def again() -> Refusal | None:
        return tries.pop(0)

    assert await line.queue.wait(PATIENT, HELD, again, only_held) == replace(HELD, remaining=0, held=5)
    assert tries == []


async def test_what_nobody_gives_back_any_more_is_told_to_the_whole_line_at_once() -> None:
    """One sleep for all of them: a thousand would hear it ten a second."""
    line, spent = Line(), replace(HELD, remaining=0, held=5)
    waits = [line.queue.wait(PATIENT, HELD, line.trying(name, spent), only_held) for name in "abc"]
    assert await asyncio.gather(*waits) == [spent] * 3
    assert line.slept == [POLL_S]


async def test_lines_of_other_limits_go_on() -> None:
    """Who waits for another limit is not held up."""
    line = Line()
    first = asyncio.ensure_future(line.wait("a", PATIENT))
    await turns()
    other = replace(FULL, limit=replace(ONE, scope=Scope("other")))
    second = asyncio.ensure_future(line.wait("b", PATIENT, other))
    await turns()
    assert set(line.tried) == {"a", "b"}
    line.free = 2
    assert not any(await asyncio.gather(first, second))


async def test_as_many_as_the_policy_lets_wait() -> None:
    """One more is refused at once, and never tried; a place that is left is free again."""
    line, two = Line(), ThrottlePolicy(max_wait_s=1000, max_waiting=2)
    waiting = [asyncio.ensure_future(line.wait(name, two)) for name in "ab"]
    await turns()
    assert await line.wait("c", two) == FULL
    assert "c" not in line.tried
    waiting[1].cancel()
    await turns()
    third = asyncio.ensure_future(line.wait("d", two))
    await turns()
    line.free = 2
    assert not any(await asyncio.gather(waiting[0], third))
    assert line.through == ["a", "d"]


async def test_no_longer_than_the_policy_says() -> None:
    """The last refusal is the answer, not the first: it knows what is left now."""
    line = Line()
    began = line.clock.now
    last = replace(TOTAL, remaining=4, held=6)
    assert await line.wait("a", then=last) == last
    assert line.clock.now - began == pytest.approx(POLICY.max_wait_s)


async def test_who_is_not_first_in_time_is_refused_too() -> None:
    """Whose time is over before its turn comes, by the real clock of the loop, never tried."""
    line = Line()
    first = asyncio.ensure_future(line.wait("a", PATIENT))
    await turns()
    assert await line.wait("b", ThrottlePolicy(max_wait_s=0.05)) == FULL
    assert "b" not in line.tried
    first.cancel()


async def test_a_window_that_turns_soon_is_waited_for() -> None:
    """To the moment, and a little more: the clock of Redis is another."""
    line = Line()
    soon = replace(FULL, resets_in_s=0.03)
    waiting = asyncio.ensure_future(line.wait("a", PATIENT, soon))
    await turns(1)
    line.free = 1
    assert await waiting is None
    assert line.slept[0] == pytest.approx(0.03 + AFTER_S)


@pytest.mark.parametrize(
    "other",
    [
        ScopeStopped(Scope("acme"), "runaway"),
        BudgetExceeded(replace(ONE, unit=Unit.TOKENS, action=LimitAction.REJECT), 0, 5, None),
        BudgetExceeded(replace(ONE, unit=Unit.TOKENS, action=LimitAction.DOWNGRADE), 0, 5, None),
    ],
)
async def test_another_policys_refusal_comes_through(other: Refusal) -> None:
    """At the first try: what is stopped meanwhile, or does not fit elsewhere, waits for nothing."""
    line = Line()
    assert await line.wait("a", PATIENT, then=other) == other
    assert line.tried == ["a"]


DAY = BudgetExceeded(replace(ONE, unit=Unit.REQUESTS, window=Window(Period.DAY)), 0, 1, resets_in_s=1_001)


SLIDING = replace(DAY.limit, window=Window(Period.DAY, sliding=True))


@pytest.mark.parametrize("late", [DAY, replace(DAY, limit=SLIDING)])
async def test_a_window_that_turns_too_late_is_not_waited_for(late: BudgetExceeded) -> None:
    """All of it is spent, and enough of a sliding one is not past: whoever asks is told at once when to come again."""
    line = Line()
    assert await line.wait("a", PATIENT, late) == late
    assert (line.slept, line.tried) == ([], [])


TOTAL = BudgetExceeded(replace(ONE, unit=Unit.TOKENS, amount=100), 5, 10, None)


@pytest.mark.parametrize("spent", [TOTAL, replace(TOTAL, held=4), replace(DAY, requested=2, held=1)])
async def test_what_is_spent_for_good_is_not_waited_for(spent: BudgetExceeded) -> None:
    """A limit for ever never turns, and with all that others hold it would not fit either."""
    line = Line()
    assert await line.wait("a", PATIENT, spent) == spent
    assert (line.slept, line.tried) == ([], [])


async def test_who_waits_for_holds_leaves_once_they_are_spent() -> None:
    """At the next try."""
    line = Line()
    assert await line.wait("a", PATIENT, replace(TOTAL, held=5), then=TOTAL) == TOTAL
    assert line.tried == ["a"]


@pytest.mark.parametrize(
    "maybe",
    [
        replace(TOTAL, held=5),
        FULL,
        replace(DAY, resets_in_s=999),
        replace(DAY, held=1),
        replace(DAY, limit=SLIDING, resets_in_s=999),
    ],
)
async def test_what_may_come_free_in_time_is_waited_for(maybe: BudgetExceeded) -> None:
    """The window turns, others give back, or enough slides out."""
    line = Line()
    waiting = asyncio.ensure_future(line.wait("a", PATIENT, maybe))
    await turns(2)
    line.free = 1
    assert await waiting is None


async def test_what_never_fits_does_not_wait() -> None:
    """More than the whole limit is refused at once."""
    line = Line()
    too_much = replace(FULL, requested=2)
    assert await line.wait("a", refusal=too_much) == too_much
    assert (line.tried, line.slept) == ([], [])


async def test_a_try_under_way_is_not_cut() -> None:
    """Its grant would be nobody's: who became the first in line is granted, though its time is over meanwhile."""
    line, gate = Line(), asyncio.Event()

    async def slow() -> Refusal | None:
        await gate.wait()
        return None

    waiting = asyncio.ensure_future(line.queue.wait(ThrottlePolicy(max_wait_s=0.2), FULL, slow))
    await asyncio.sleep(0.3)
    gate.set()
    assert await waiting is None


async def test_nothing_is_left_of_who_left() -> None:
    """Lines and places are free again, however a wait ends."""
    line = Line()
    waiting = [asyncio.ensure_future(line.wait(name, PATIENT)) for name in "ab"]
    await turns()
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert (line.queue._lines, line.queue._waiting) == ({}, 0)


class Flaky:
    """A store that is away until the clock says `back`; then there is room. `asked` has the time of each try."""

    def __init__(self, line: Line, back: float) -> None:
        self._line, self._back = line, back
        self.asked: list[float] = []

    async def again(self) -> Refusal | None:
        self.asked.append(self._line.clock.now)
        if self._line.clock.now < self._back:
            raise StoreUnavailable("away")
        return None


async def test_a_store_that_is_away_for_a_moment_costs_nobody_the_place_in_line() -> None:
    """The first tries on, and all behind wait on: one late answer of the store sent everybody home."""
    line = Line()
    flaky = Flaky(line, line.clock.now + 2)
    waits = [line.queue.wait(PATIENT, FULL, flaky.again, away_s=4) for _ in "abc"]
    assert await asyncio.gather(*waits) == [None] * 3
    assert len(flaky.asked) <= 2 / AWAY_POLL_S + 3


async def test_a_store_that_stays_away_is_told_to_the_whole_line_at_once() -> None:
    """Each with patience of its own would wait for the sum of them; and who comes later begins anew."""
    line = Line()
    began = line.clock.now
    flaky = Flaky(line, began + 10)
    waits = [line.queue.wait(PATIENT, FULL, flaky.again, away_s=4) for _ in "abc"]
    for each in await asyncio.gather(*waits, return_exceptions=True):
        assert isinstance(each, StoreUnavailable)
    assert line.clock.now - began == pytest.approx(4, abs=2 * AWAY_POLL_S)
    assert len(set(flaky.asked[-3:])) == 1
    line.clock.now = began + 9
    assert await line.queue.wait(PATIENT, FULL, flaky.again, away_s=4) is None


async def test_who_has_no_time_left_is_told_that_the_store_is_away() -> None:
    """Not what was left before that: nobody knows what is now."""
    line = Line()
    with pytest.raises(StoreUnavailable):
        await line.queue.wait(POLICY, FULL, Flaky(line, line.clock.now + 10).again, away_s=4)


async def test_an_answer_ends_the_time_that_the_store_was_away() -> None:
    """Two short absences are not one long."""
    line, answers = Line(), [True, False, True, None]

    async def again() -> Refusal | None:
        line.clock.now += 3
        if answers[0]:
            answers.pop(0)
            raise StoreUnavailable("away")
        return FULL if answers.pop(0) is False else None

    assert await line.queue.wait(PATIENT, FULL, again, away_s=2) is None
    assert answers == []


async def test_who_turns_out_never_to_fit_does_not_wait_on() -> None:
    """What a long prompt needs is counted only where it could fit: in the next window, and then it is known."""
    line = Line()
    huge = replace(FULL, requested=2)
    assert await line.wait("a", PATIENT, then=huge) == huge
    assert len(line.tried) == 1


async def test_what_slides_past_may_do_with_what_is_given_back() -> None:
    """Neither alone does in time: who was throttled was refused at once."""
    line, window = Line(), Window(Period.MINUTE, sliding=True)
    late = BudgetExceeded(replace(ONE, unit=Unit.TOKENS, amount=100, window=window), 0, 80, 61.0, held=50)
    waiting = asyncio.ensure_future(line.wait("a", ThrottlePolicy(max_wait_s=30), late))
    await turns(2)
    line.free = 1
    assert await waiting is None
    alone = replace(late, held=0)
    assert await line.wait("b", ThrottlePolicy(max_wait_s=30), alone) == alone
    assert line.through == ["a"]
