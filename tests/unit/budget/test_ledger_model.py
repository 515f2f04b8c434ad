import asyncio
import itertools
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from app.budget.ledger import RedisBudgetLedger
from app.budget.limits import scopes_of
from app.config.gateway import StoreSpec
from app.domain import (
    Amounts,
    BudgetExceeded,
    Caller,
    Limit,
    MicroUsd,
    Period,
    Refusal,
    Reservation,
    Scope,
    ScopeStopped,
    Unit,
    Window,
)
from app.errors import ReservationClosed
from app.store.client import open_store
from app.store.embedded import EmbeddedRedis
from app.store.scripts import Script
from tests.unit.budget.bench import DEADLINE_S, NOON, NOTHING, Bench
from tests.unit.budget.model import Model, counter_of

T = TypeVar("T")
EXAMPLES = 30
"""Each of 60 calls; it was run with 3,000."""

FAQ = Scope("acme", (("feature", "faq"),))
ANN = Scope("acme", (("feature", "faq"), ("user", "ann")))
CALLERS = (Caller("acme", feature="faq", user="ann"), Caller("acme", user="bob", key="k"))
LIMITS = (
    Limit(Scope("acme"), Unit.TOKENS, 500, Window(Period.TOTAL), marks=(50, 95)),
    Limit(Scope("acme"), Unit.CONCURRENT, 4),
    Limit(Scope("acme"), Unit.TOKENS, 120, Window(Period.DAY, zone="Europe/Berlin"), marks=(50, 80)),
    Limit(FAQ, Unit.INPUT_TOKENS, 60, Window(Period.MINUTE, sliding=True), marks=(50,)),
    Limit(FAQ, Unit.REQUESTS, 6, Window(Period.HOUR)),
    Limit(ANN, Unit.TOKENS, 90, Window(Period.HOUR, sliding=True)),
    Limit(ANN, Unit.OUTPUT_TOKENS, 70, Window(Period.MINUTE), marks=(100,)),
    Limit(ANN, Unit.MICRO_USD, 200, Window(Period.MONTH, zone="America/New_York"), marks=(10, 20, 30, 40, 50)),
)
AMOUNTS = st.builds(
    Amounts,
    st.integers(0, 30),
    st.integers(0, 50),
    st.integers(0, 60).map(MicroUsd),
    st.integers(0, 1),
    st.integers(0, 1),
)
SOME_LIMITS = st.sets(st.integers(0, len(LIMITS) - 1), min_size=1).map(sorted)
LOTS = st.integers(0, 19)
USED = Script("""
local packed, answer = redis.call('GET', KEYS[1]), {}
local record = packed ~= 'settled' and cmsgpack.unpack(packed) or {}
for i, limit in ipairs(record[1] == 1 and cmsgpack.unpack(record[5])[1] or {}) do
  local held, used = {}, record[8][i] or {}
  for at = 1, #record[6][i], 2 do held[record[6][i][at]] = record[6][i][at + 1] end
  for at = 1, #used, 2 do
    answer[#answer + 1] = limit[1] .. string.format(' %.0f', used[at])
    answer[#answer + 1] = used[at + 1]
    answer[#answer + 1] = held[used[at]] or used[at + 1] -- a bucket that no longer counts may be missing
  end
end
return answer
""")
"""Of an open record, for each of its limits: the counter's buckets, what is noted as used, what it holds there."""
LEAPS = st.sampled_from([3, 31, 60, 61, 600, 3_600, 3_660, 12 * 3600, 86_400, 31 * 86_400])


class LedgerMachine(RuleBasedStateMachine):
    """Whatever is called in whatever order, Redis and the plain model agree, and no grant is above a limit."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = self.run(open_store(self.url, StoreSpec(timeout_s=30)))
        self.run(self.store.command("FLUSHALL"))
        self.bench = Bench(self.store)
        self.run(self.bench.at(NOON))
        self.model = Model(NOON)
        self.limits = list(LIMITS)
        self.stopped: dict[Scope, str] = {}
        self.barred: str | None = None
        self.numbers = itertools.count()
        self.living: dict[str, RedisBudgetLedger] = {"": self.bench.ledger}
        self.start()
        self.crashed: dict[str, float] = {}
        self.holders: dict[str, str] = {}
        self.granted_at: dict[str, float] = {}
        self.latest: dict[str, Reservation] = {}
        self.looked, self.watched_since = 0.0, 0.0
        self.makers: dict[str, RedisBudgetLedger] = {}
        self.overtaken = self.bench.ledger_of("", wall=lambda: NOON - 1)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()

    @property
    def open(self) -> list[str]:
        """Who holds something."""
        return [name for name, account in self.model.accounts.items() if account.held]

    def some(self, lot: int) -> str | None:
        """Mostly one that is open, lest all be closed before anything happened to them."""
        names = (self.open if lot % 5 else None) or sorted(self.model.accounts)
        return names[lot % len(names)] if names else None

    @precondition(lambda self: len(self.open) < 4)
    @rule(caller=st.sampled_from(CALLERS), places=SOME_LIMITS, amounts=AMOUNTS, lot=LOTS)
    def reserve(self, caller: Caller, places: list[int], amounts: Amounts, lot: int) -> None:
        name = f"r{next(self.numbers)}"
        holder = sorted(self.living)[lot % len(self.living)]
        limits = [self.limits[place] for place in places]
        answer = self.run(self.living[holder].reserve(name, caller, limits, amounts))
        if self.expect(name, caller, limits, amounts, answer):
            self.holders[name], self.granted_at[name] = holder, self.model.now
            self.makers[name] = self.living[holder]

    @rule(lot=LOTS, caller=st.sampled_from(CALLERS), places=SOME_LIMITS, amounts=AMOUNTS)
    def reserve_again(self, lot: int, caller: Caller, places: list[int], amounts: Amounts) -> None:
        """The same id is the same grant; what was withdrawn before it came is barred."""
        name = self.barred if lot % 4 == 0 else self.some(lot)
        if name is None:
            return
        account = self.model.accounts.get(name)
        call = self.bench.ledger.reserve(name, caller, [self.limits[place] for place in places], amounts)
        if account is None or not account.held:
            self.expect_closed(call)
            return
        answer = self.run(call)
        assert isinstance(answer, Reservation)
        assert answer.amounts == account.amounts

    @precondition(lambda self: self.latest)
    @rule(lot=LOTS, caller=st.sampled_from(CALLERS), amounts=AMOUNTS)
    def extend(self, lot: int, caller: Caller, amounts: Amounts) -> None:
        """More or less, under the limits that it was granted by, of now."""
        name = self.some(lot)
        assert name is not None
        self.extend_to(name, caller, self.present_limits(name), amounts, late=False)

    @precondition(lambda self: self.open)
    @rule(
        lot=LOTS,
        caller=st.sampled_from(CALLERS),
        more=AMOUNTS,
        seconds=st.sampled_from([0.5, 1, 20, 60, 3_600]),
        used=st.none() | AMOUNTS,
    )
    def stream(self, lot: int, caller: Caller, more: Amounts, seconds: float, used: Amounts | None) -> None:
        """Time passes, and it grows; it may say what it used of what it held."""
        self.move(seconds)
        name = self.open[lot % len(self.open)]
        self.latest[name] = replace(self.latest[name], used=used)
        held = self.model.accounts[name].amounts
        amounts = replace(
            held,
            input_tokens=held.input_tokens + more.input_tokens,
            output_tokens=held.output_tokens + more.output_tokens,
            micro_usd=MicroUsd(held.micro_usd + more.micro_usd),
        )
        self.extend_to(name, caller, self.present_limits(name), amounts, late=False)

    @precondition(lambda self: self.latest)
    @rule(lot=LOTS, caller=st.sampled_from(CALLERS), places=SOME_LIMITS, amounts=AMOUNTS, late=st.booleans())
    def extend_by_others(self, lot: int, caller: Caller, places: list[int], amounts: Amounts, late: bool) -> None:
        """Under other limits; a call that was overtaken is one with unchanged amounts."""
        name = self.some(lot)
        assert name is not None
        self.extend_to(name, caller, [self.limits[place] for place in places], amounts, late=late)

    def extend_to(self, name: str, caller: Caller, limits: list[Limit], amounts: Amounts, *, late: bool) -> None:
        account = self.model.accounts[name]
        call = (self.overtaken if late else self.makers[name]).extend(self.latest[name], caller, limits, amounts)
        if account.held:
            self.expect(name, caller, limits, account.amounts if late else amounts, self.run(call))
        else:
            self.expect_closed(call)

    @precondition(lambda self: self.open)
    @rule(caller=st.sampled_from(CALLERS))
    def ask_whether_all_still_fit(self, caller: Caller) -> None:
        """What a watch does after a limit was lowered or a scope stopped."""
        for name in self.open:
            amounts = self.model.accounts[name].amounts
            self.extend_to(name, caller, self.present_limits(name), amounts, late=False)

    def present_limits(self, name: str) -> list[Limit]:
        """What limits it by now."""
        known = {counter_of(limit) for limit in self.model.accounts[name].limits}
        return [limit for limit in self.limits if counter_of(limit) in known]

    @precondition(lambda self: self.latest)
    @rule(lot=LOTS, spent=AMOUNTS, times=st.integers(1, 2))
    def settle(self, lot: int, spent: Amounts, times: int) -> None:
        """Less or more than was held, once, be it after a reclaim."""
        name = self.some(lot)
        assert name is not None
        for _ in range(times):
            self.bench.told.clear()
            self.run(self.bench.ledger.settle(self.latest[name], spent))
            assert self.bench.told == self.model.settle(name, spent)

    @rule(lot=LOTS)
    def withdraw(self, lot: int) -> None:
        """Granted or not."""
        name = (self.some(lot) if lot % 3 == 0 else None) or f"r{next(self.numbers)}"
        self.run(self.bench.ledger.withdraw(name, "acme"))
        if name in self.latest:
            self.model.accounts[name].limits = ()
            self.model.settle(name, NOTHING)
        else:
            self.barred = name

    @rule(place=st.integers(0, len(LIMITS) - 1), per_cent=st.sampled_from([0, 30, 60, 100, 150]))
    def change_a_limit(self, place: int, per_cent: int) -> None:
        self.limits[place] = replace(LIMITS[place], amount=LIMITS[place].amount * per_cent // 100)

    @rule(caller=st.sampled_from(CALLERS), lot=st.integers(0, 9))
    def stop(self, caller: Caller, lot: int) -> None:
        scopes = scopes_of(caller)
        scope = scopes[lot % len(scopes)]
        self.stopped[scope] = f"because {lot}"
        self.run(self.bench.stops.stop(scope, self.stopped[scope]))

    @rule()
    def resume(self) -> None:
        for scope in self.stopped:
            self.run(self.bench.stops.resume(scope))
        self.stopped.clear()

    @rule(seconds=st.sampled_from([0, 0, 7]))
    def crash(self, seconds: int) -> None:
        """It beats no more. What it held is open until it is reclaimed, or somebody settles it late; another starts."""
        name = max(self.living)
        self.crashed[name] = self.model.now
        del self.living[name]
        self.start()
        self.watch_for(seconds)

    def start(self) -> None:
        name = f"replica {next(self.numbers)}"
        self.living[name] = self.bench.ledger_of(name)

    @rule(milliseconds=st.integers(1, 5_000))
    def time_passes(self, milliseconds: int) -> None:
        self.move(milliseconds / 1000)

    @rule(seconds=LEAPS)
    def leap(self, seconds: int) -> None:
        self.move(seconds)

    @rule(period=st.sampled_from([60, 3_600, 86_400]), before=st.sampled_from([0, 0.000_001, 1]))
    def to_an_edge(self, period: int, before: float) -> None:
        edge = (self.model.now // period + 1) * period - before
        self.move(max(edge - self.model.now, 0))

    @rule(seconds=st.sampled_from([1, 3, 6]))
    def watch(self, seconds: int) -> None:
        self.watch_for(seconds)

    def watch_for(self, seconds: int) -> None:
        """The actor looks every second, the living give signs."""
        for _ in range(seconds):
            self.move(1)
            for holder in self.living:
                if holder:
                    self.run(self.bench.leases.beat(holder))
            self.look()

    @invariant()
    def books_agree(self) -> None:
        found = self.run(self.bench.booked(*LIMITS))
        assert found == [self.model.booked(counter_of(limit)) for limit in LIMITS]

    @invariant()
    def what_is_used_is_that_of_the_open(self) -> None:
        """By bucket the sum of what their records say, never more than they hold there; none of the closed."""
        keys, sums = self.store.keys, defaultdict[bytes, int](int)
        for name in self.open:
            found = self.run(self.store.script(USED, [keys.reservation("acme", name)], []))
            for field, noted, held in zip(found[::3], found[1::3], found[2::3], strict=True):
                assert 0 < noted <= held
                sums[field] += noted
        told = self.run(self.store.command("HGETALL", keys.used("acme")))
        assert {field: int(noted) for field, noted in told.items()} == {each: sums[each] for each in sums if sums[each]}

    def expect(self, name: str, caller: Caller, limits: list[Limit], amounts: Amounts, answer: object) -> bool:
        """Whether it was granted."""
        stop = next((scope for scope in scopes_of(caller) if scope in self.stopped), None)
        if stop is not None:
            assert answer == ScopeStopped(stop, self.stopped[stop])
            return False
        expected = self.model.hold(name, limits, amounts)
        if isinstance(expected, BudgetExceeded):
            assert isinstance(answer, BudgetExceeded), answer
            assert replace(answer, resets_in_s=None) == expected
            return False
        assert isinstance(answer, Reservation), answer
        assert answer.amounts == amounts
        for left, limit in zip(answer.left, limits, strict=True):
            room = limit.amount - sum(self.model.booked(counter_of(limit)))
            assert room >= 0
            assert (left.limit, left.amount) == (limit, room)
        self.latest[name] = answer
        return True

    def expect_closed(self, call: Coroutine[Any, Any, Reservation | Refusal]) -> None:
        with pytest.raises(ReservationClosed):
            self.run(call)

    def move(self, seconds: float) -> None:
        """To the microsecond, as Redis counts."""
        self.model.now = round((self.model.now + seconds) * 1_000_000) / 1_000_000
        self.run(self.bench.at(self.model.now))

    def look(self) -> None:
        """Nobody's but what is overdue or a dead replica's; and all of that, in time."""
        now = self.model.now
        if now - self.looked > 2.5:
            self.watched_since = now
        self.looked = now
        for found in self.run(self.bench.leases.reclaim()):
            account = self.model.accounts[found.id]
            assert found == Reservation(found.id, "acme", account.amounts)
            assert self.overdue(found.id) or self.holders[found.id] in self.crashed
            self.model.reclaim(found.id)
        assert not any(self.overdue(name) for name in self.open)
        dead = {each for each, at in self.crashed.items() if now - max(at, self.watched_since) >= 5}
        assert not any(self.holders[name] in dead for name in self.open)

    def overdue(self, name: str) -> bool:
        return int(self.granted_at[name]) + DEADLINE_S <= int(self.model.now)


def test_whatever_happens_the_books_are_those_of_the_model(tmp_path: Path) -> None:
    """Reserve, extend, settle, withdraw, reclaim, stop, change limits, crash and let time pass, in any order.

    On a Redis that keeps nothing: thousands of calls need not wait for the disk.
    """
    with EmbeddedRedis(tmp_path) as server:
        with redis.Redis.from_url(server.url) as admin:
            admin.config_set("appendonly", "no")
        LedgerMachine.url = server.url
        health = list(HealthCheck)
        run_state_machine_as_test(
            LedgerMachine,
            settings=settings(
                max_examples=EXAMPLES, stateful_step_count=60, deadline=None, suppress_health_check=health
            ),
        )
