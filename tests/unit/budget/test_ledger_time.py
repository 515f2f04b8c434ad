import asyncio
import itertools
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.config.gateway import StoreSpec
from app.domain import BudgetExceeded, Caller, Limit, Period, Reservation, Scope, Unit, Window
from app.store.client import open_store
from tests.unit.budget.bench import ACME, NOON, Bench, limit, tokens

HOUR_S = 3_600
DAY_S = 24 * HOUR_S


@pytest.mark.parametrize(
    ("period", "zone", "begin", "seconds"),
    [
        (Period.DAY, "Europe/Berlin", (2099, 3, 29), 23 * HOUR_S),
        (Period.DAY, "Europe/Berlin", (2099, 10, 25), 25 * HOUR_S),
        (Period.DAY, "Australia/Lord_Howe", (2099, 10, 4), 23.5 * HOUR_S),
        (Period.DAY, "Australia/Lord_Howe", (2099, 4, 5), 24.5 * HOUR_S),
        (Period.DAY, "Asia/Kolkata", (2099, 3, 29), 24 * HOUR_S),
        (Period.MONTH, "Europe/Berlin", (2099, 3, 1), 31 * DAY_S - HOUR_S),
        (Period.MONTH, "America/St_Johns", (2099, 11, 1), 30 * DAY_S + HOUR_S),
        (Period.MONTH, "UTC", (2096, 2, 1), 29 * DAY_S),
        (Period.MONTH, "UTC", (2100, 2, 1), 28 * DAY_S),
        (Period.MONTH, "UTC", (2099, 12, 1), 31 * DAY_S),
        (Period.DAY, "UTC", (2096, 2, 29), 24 * HOUR_S),
        (Period.HOUR, "Asia/Kathmandu", (2099, 6, 1, 7), HOUR_S),
        (Period.HOUR, "Europe/Berlin", (2099, 3, 29, 1), HOUR_S),
        (Period.HOUR, "Australia/Lord_Howe", (2099, 4, 5, 1), HOUR_S),
        (Period.MINUTE, "UTC", (2099, 12, 31, 23, 59), 60),
    ],
)
async def test_a_window_counts_from_edge_to_edge(
    bench: Bench, period: Period, zone: str, begin: tuple[int, ...], seconds: float
) -> None:
    """To the microsecond: what was spent before it does not count, what is spent in it does until its end."""
    limits = [limit(100, window=Window(period, zone=zone))]
    begins = datetime(*begin, tzinfo=ZoneInfo(zone)).timestamp()  # type: ignore[misc,arg-type]
    await bench.at(begins - 0.000_001)
    await bench.grant("before", limits, tokens(100))
    await bench.at(begins)
    assert (await bench.grant("first", limits, tokens(60))).left[0].resets_in_s == seconds
    await bench.at(begins + seconds - 0.000_001)
    await bench.grant("last", limits, tokens(40))
    refused = await bench.ledger.reserve("too much", ACME, limits, tokens(1))
    assert isinstance(refused, BudgetExceeded)
    assert (refused.remaining, refused.resets_in_s) == (0, 0.000_001)
    await bench.at(begins + seconds)
    await bench.grant("after", limits, tokens(100))


async def test_an_hour_that_is_cut_by_a_change_of_clocks_counts_in_two_parts(bench: Bench) -> None:
    """On Lord Howe Island the clock goes back from 2:00 to 1:30: that half hour comes twice, and counts by itself."""
    limits = [limit(100, window=Window(Period.HOUR, zone="Australia/Lord_Howe"))]
    changed = datetime(2099, 4, 5, 1, 30, fold=1, tzinfo=ZoneInfo("Australia/Lord_Howe")).timestamp()
    await bench.at(changed)
    assert (await bench.grant("r", limits, tokens(100))).left[0].resets_in_s == 1_800


async def test_a_lying_clock_of_a_replica_moves_no_window(bench: Bench) -> None:
    """Two replicas, one of them half a year late: they share every window, for both go by the clock of Redis."""
    liar = bench.ledger_of("", wall=lambda: bench.now - 180 * DAY_S)
    for number, zone in enumerate(("Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns")):
        limits = [Limit(Scope("acme", (("user", zone),)), Unit.TOKENS, 100, Window(Period.DAY, zone=zone))]
        answers = [await each.reserve(f"{number}{each}", ACME, limits, tokens(60)) for each in (bench.ledger, liar)]
        assert isinstance(answers[0], Reservation)
        assert isinstance(answers[1], BudgetExceeded)
        assert answers[1].resets_in_s == answers[0].left[0].resets_in_s


@dataclass
class Spender:
    """What one reservation was granted, and when: the youngest part last."""

    reservation: Reservation
    parts: list[tuple[float, int]] = field(default_factory=list)

    def change(self, now: float, total: int) -> None:
        more = total - sum(amount for _, amount in self.parts)
        while more < 0:
            when, amount = self.parts.pop()
            more += amount
            now = when if more > 0 else now
        self.parts.append((now, more))

    def within(self, begin: float, end: float) -> int:
        return sum(amount for when, amount in self.parts if begin < when <= end)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "extend", "extend", "settle"]),
        st.integers(0, 7),
        st.integers(0, 80),
        st.integers(0, 20_000) | st.sampled_from([1, 999, 1_000, 59_000, 60_000, 60_999, 61_000]),
    ),
    max_size=25,
)


def test_no_true_sliding_window_ever_exceeds_its_amount(clean_redis: str) -> None:
    """Whatever is granted, extended and given back: in any 60 s, looked at to the millisecond, at most the amount."""
    numbers = itertools.count()
    with asyncio.Runner() as runner:
        store = runner.run(open_store(clean_redis, StoreSpec(timeout_s=30)))
        bench = Bench(store)

        @settings(max_examples=60, deadline=None)
        @given(STEPS)
        def holds(steps: list[tuple[str, int, int, int]]) -> None:
            runner.run(slide(bench, f"tenant{next(numbers)}", steps))

        holds()
        runner.run(store.close())


async def slide(bench: Bench, tenant: str, steps: list[tuple[str, int, int, int]]) -> None:
    """Do the steps, and look at the last minute after each grant."""
    limits = [limit(100, window=Window(Period.MINUTE, sliding=True), tenant=tenant)]
    open_: list[Spender] = []
    every: list[Spender] = []
    now = float(NOON)
    for number, (what, place, total, milliseconds) in enumerate(steps):
        now += milliseconds / 1000
        await bench.at(now)
        if what == "reserve":
            answer = await bench.ledger.reserve(f"r{number}", Caller(tenant), limits, tokens(total))
            if isinstance(answer, Reservation):
                open_.append(Spender(answer, [(now, total)]))
                every.append(open_[-1])
        elif open_ and what == "extend":
            spender = open_[place % len(open_)]
            answer = await bench.ledger.extend(spender.reservation, Caller(tenant), limits, tokens(total))
            if isinstance(answer, Reservation):
                spender.change(now, total)
        elif open_:
            spender = open_.pop(place % len(open_))
            held = sum(amount for _, amount in spender.parts)
            await bench.ledger.settle(spender.reservation, tokens(held * total // 80))
            spender.change(now, held * total // 80)
        assert sum(spender.within(now - 60, now) for spender in every) <= 100


async def test_what_slides_out_is_free_again(bench: Bench) -> None:
    """A limit that never let go would pass the test above: after the window and its last sixtieth all is free."""
    limits = [limit(100, window=Window(period, sliding=True)) for period in (Period.MINUTE, Period.HOUR, Period.DAY)]
    await bench.grant("r", limits, tokens(100))
    for seconds, free in ((60.999, 0), (61, 1), (3_659, 1), (3_660, 2), (61 * 1_440, 3)):
        await bench.at(NOON + seconds)
        left = await bench.ledger.remaining("acme", limits)
        assert sum(each.amount == 100 for each in left) == free


async def test_what_a_session_spent_in_all_is_forgotten_after_it(bench: Bench) -> None:
    """Sessions are without number. A tenant's or user's total stays for ever; each change prolongs a session's."""
    session = Scope("acme", (("session", "s1"),))
    lasting = Limit(Scope("acme", (("user", "session"),)), Unit.TOKENS, 100, Window(Period.TOTAL))
    await bench.grant("r", [Limit(session, Unit.TOKENS, 100, Window(Period.TOTAL)), lasting], tokens(10))
    counters = bench.store.keys.counters("acme")
    fields = sorted(await bench.store.command("HKEYS", counters))
    ends = await bench.store.command("HTTL", counters, "FIELDS", len(fields), *fields)
    assert dict(zip(fields, ends, strict=True)) == {
        b"tokens:total:session:s1": pytest.approx(100 * DAY_S, abs=60),
        b"tokens:total:user:session": -1,
    }
    await bench.store.command("HEXPIRE", counters, 5, "FIELDS", 1, fields[0])
    await bench.ledger.settle(await bench.grant("r2", [lasting], tokens(1)), tokens(1))
    assert (await bench.store.command("HTTL", counters, "FIELDS", 1, fields[0]))[0] <= 5
    await bench.grant("r3", [Limit(session, Unit.TOKENS, 100, Window(Period.TOTAL))], tokens(1))
    assert (await bench.store.command("HTTL", counters, "FIELDS", 1, fields[0]))[0] > 99 * DAY_S
