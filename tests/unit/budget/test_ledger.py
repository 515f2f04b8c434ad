from dataclasses import replace

import pytest

from app.budget.ledger import RedisBudgetLedger
from app.config.gateway import StoreSpec
from app.domain import Amounts, BudgetExceeded, Caller, MicroUsd, Period, Remaining, Reservation, Scope, Unit, Window
from app.errors import LeanServeError, ReservationClosed, StoreUnavailable
from app.store.client import open_store
from app.store.embedded import free_port
from tests.unit.budget.bench import ACME, NOON, NOTHING, Bench, limit, tokens


async def test_held_then_spent(bench: Bench) -> None:
    """A grant holds in every counter by its unit; a settlement replaces that by what was spent."""
    limits = [limit(100, window=Window(Period.DAY)), limit(50, Unit.MICRO_USD, Window(Period.MONTH))]
    reservation = await bench.grant("r", limits, tokens(80, 30))
    assert await bench.booked(*limits) == [(0, 80), (0, 30)]
    await bench.ledger.settle(reservation, tokens(20, 7))
    assert await bench.booked(*limits) == [(20, 0), (7, 0)]


async def test_limits_without_number_are_kept_all(bench: Bench) -> None:
    """Lua passes 8,000 words on at most: a script that fails half way is no store that is away."""
    limits = [
        replace(limit(100, window=window), scope=Scope("acme", (("user", str(number)),)))
        for number in range(4_500)
        for window in (Window(Period.DAY), Window(Period.TOTAL))
    ]
    for name in ("r", "s"):
        reservation = await bench.grant(name, limits, tokens(20))
        assert set(await bench.booked(*limits)) == {(0 if name == "r" else 5, 20)}
        await bench.ledger.settle(reservation, tokens(5))
    assert set(await bench.booked(*limits)) == {(10, 0)}


async def test_a_limit_is_overspent_by_what_is_spent_alone(bench: Bench) -> None:
    """What is held may be given back, and of a sliding window it depends on who asks when it fits again."""
    day, sliding = limit(50, window=Window(Period.DAY)), limit(50, window=Window(Period.DAY, sliding=True))
    held, full = limit(50), limit(50, Unit.REQUESTS)
    before = [limit(100, window=each.window) for each in (day, sliding)]
    await bench.ledger.settle(await bench.grant("r", before, tokens(60)), tokens(51))
    await bench.grant("s", [limit(100)], tokens(60))
    found = await bench.ledger.overspent("acme", [day, sliding, held, full])
    assert [(each.limit, each.remaining) for each in found] == [(day, 0)]
    assert 0 < (found[0].resets_in_s or 0) <= 86_400


async def test_every_unit_counts_its_own(bench: Bench) -> None:
    """Tokens are input and output; a request counts one; who is under way is held while it is, and never spent."""
    limits = [limit(1_000, unit) for unit in Unit]
    amounts = Amounts(10, 20, MicroUsd(30), 1, 1)
    reservation = await bench.grant("r", limits, amounts)
    assert await bench.booked(*limits) == [(0, 10), (0, 20), (0, 30), (0, 30), (0, 1), (0, 1)]
    await bench.ledger.settle(reservation, Amounts(9, 8, MicroUsd(7), 1, 1))
    assert await bench.booked(*limits) == [(9, 0), (8, 0), (17, 0), (7, 0), (1, 0), (0, 0)]


async def test_only_so_many_at_once(bench: Bench) -> None:
    """`concurrent` counts who is there, in whichever window a rule names it; who leaves makes room."""
    two = limit(2, Unit.CONCURRENT, Window(Period.MINUTE))
    one = Amounts(concurrent=1)
    first = await bench.grant("a", [two], one)
    await bench.grant("b", [two], one)
    await bench.at(NOON + 50)
    refused = await bench.ledger.reserve("c", ACME, [two], one)
    assert refused == BudgetExceeded(two, 0, 1, None)
    await bench.ledger.settle(first, one)
    await bench.grant("c", [two], one)
    assert isinstance(await bench.ledger.reserve("d", ACME, [limit(2, Unit.CONCURRENT)], one), BudgetExceeded)


async def test_a_refusal_tells_what_others_hold(bench: Bench) -> None:
    """Not what is spent, nor what the asking request holds itself: neither comes back."""
    limits = [limit(100)]
    await bench.ledger.settle(await bench.grant("a", limits, tokens(30)), tokens(30))
    await bench.grant("b", limits, tokens(40))
    mine = await bench.grant("c", limits, tokens(20))
    refused = await bench.ledger.reserve("d", ACME, limits, tokens(60))
    assert isinstance(refused, BudgetExceeded)
    assert (refused.remaining, refused.held, refused.is_only_held) == (10, 60, True)
    refused = await bench.ledger.extend(mine, ACME, limits, tokens(80))
    assert isinstance(refused, BudgetExceeded)
    assert (refused.remaining, refused.requested, refused.held, refused.is_only_held) == (10, 60, 40, False)


async def test_all_or_none(bench: Bench) -> None:
    """A request that does not fit in its last limit touches none of the others."""
    limits = [limit(100), limit(100, window=Window(Period.HOUR)), limit(10, Unit.MICRO_USD)]
    refused = await bench.ledger.reserve("r", ACME, limits, tokens(50, 11))
    assert refused == BudgetExceeded(limits[2], 10, 11, None)
    assert await bench.booked(*limits) == [(0, 0)] * 3
    assert await bench.store.command("KEYS", "*reservation*") == []


async def test_a_grant_says_what_is_left(bench: Bench) -> None:
    """Of each limit, beside the grant; when it is free again by the clock of Redis; a repeated grant says it anew."""
    daily, total = limit(100, window=Window(Period.DAY)), limit(70)
    granted = await bench.grant("r", [daily, total], tokens(60))
    assert granted.left == (Remaining(daily, 40, 12 * 3600), Remaining(total, 10, None))
    await bench.at(NOON + 0.5)
    assert (await bench.grant("r", [daily], tokens(60))).left == (Remaining(daily, 40, 12 * 3600 - 0.5),)
    assert await bench.ledger.remaining("acme", [daily, total, limit(50)]) == [
        Remaining(daily, 40, 12 * 3600 - 0.5),
        Remaining(total, 10, None),
        Remaining(limit(50), 0, None),
    ]


async def test_a_refusal_says_what_is_left_and_until_when(bench: Bench) -> None:
    """Remaining counts held and spent; the reset is the end of the calendar window by the clock of Redis."""
    daily = limit(100, window=Window(Period.DAY))
    await bench.grant("a", [daily], tokens(60))
    await bench.at(NOON + 0.5)
    refused = await bench.ledger.reserve("b", ACME, [daily], tokens(41))
    assert refused == BudgetExceeded(daily, 40, 41, 12 * 3600 - 0.5)
    await bench.grant("c", [daily], tokens(40))


async def test_a_lowered_limit_leaves_nothing(bench: Bench) -> None:
    """What is left is never negative, and a request that costs nothing does not slip below an overdrawn limit."""
    await bench.grant("a", [limit(100)], tokens(60))
    assert await bench.ledger.reserve("b", ACME, [limit(50)], tokens(1)) == BudgetExceeded(limit(50), 0, 1, None)
    assert isinstance(await bench.ledger.reserve("c", ACME, [limit(50)], NOTHING), BudgetExceeded)


async def test_the_tightest_of_two_limits_on_one_counter_counts(bench: Bench) -> None:
    """They share the counter, and nothing is booked in it twice."""
    refused = await bench.ledger.reserve("r", ACME, [limit(100), limit(50)], tokens(60))
    assert refused == BudgetExceeded(limit(50), 50, 60, None)
    assert len((await bench.grant("r", [limit(100), limit(50)], tokens(40))).left) == 1
    assert await bench.booked(limit(100), limit(50)) == [(0, 40), (0, 40)]


async def test_the_same_id_is_the_same_grant(bench: Bench) -> None:
    """A repeated reserve holds once and gives what was granted first; after the settlement it is refused."""
    first = await bench.grant("r", [limit(100)], tokens(60))
    assert await bench.grant("r", [limit(100)], tokens(99)) == first
    assert await bench.booked(limit(100)) == [(0, 60)]
    await bench.ledger.settle(first, tokens(1))
    with pytest.raises(ReservationClosed):
        await bench.ledger.reserve("r", ACME, [limit(100)], tokens(60))


async def test_settle_is_idempotent(bench: Bench) -> None:
    """The first settlement counts, whatever the second says; zero releases."""
    reservation = await bench.grant("r", [limit(100)], tokens(60))
    for count in (10, 50, 0):
        await bench.ledger.settle(reservation, tokens(count))
    assert await bench.booked(limit(100)) == [(10, 0)]
    await bench.ledger.settle(await bench.grant("s", [limit(100)], tokens(60)), NOTHING)
    assert await bench.booked(limit(100)) == [(10, 0)]


async def test_more_spent_than_held_is_booked(bench: Bench) -> None:
    """The truth, though nobody granted it; also where nothing of the unit was held."""
    limits = [limit(100, window=Window(Period.DAY)), limit(100, Unit.MICRO_USD)]
    await bench.ledger.settle(await bench.grant("r", limits, tokens(10, 0)), tokens(120, 5))
    assert await bench.booked(*limits) == [(120, 0), (5, 0)]


async def test_a_withdrawal_bars_the_grant_that_comes_late(bench: Bench) -> None:
    """Taken back before or after Redis saw the reservation: nothing stays held, and no extension revives it."""
    await bench.ledger.withdraw("early", "acme")
    with pytest.raises(ReservationClosed):
        await bench.ledger.reserve("early", ACME, [limit(100)], tokens(60))
    late = await bench.grant("late", [limit(100)], tokens(60))
    await bench.ledger.withdraw("late", "acme")
    with pytest.raises(ReservationClosed):
        await bench.ledger.extend(late, ACME, [limit(100)], tokens(70))
    assert await bench.booked(limit(100)) == [(0, 0)]


async def test_a_forgetful_redis_still_learns_what_was_spent(bench: Bench) -> None:
    """Where the record is lost, the settlement books by the reservation itself, once."""
    limits = [limit(100), limit(100, window=Window(Period.MINUTE, sliding=True)), limit(9, Unit.CONCURRENT)]
    reservation = await bench.grant("r", limits, tokens(60))
    await bench.store.command("FLUSHALL")
    await bench.at(NOON)
    for _ in range(2):
        await bench.ledger.settle(reservation, tokens(33))
    assert await bench.booked(*limits) == [(33, 0), (33, 0), (0, 0)]


async def test_counters_outlive_their_window_and_then_go(bench: Bench) -> None:
    """By a day, each for itself; `total` never goes, and of who is under way nothing stays when nobody is."""
    minute, total, at_once = limit(100, window=Window(Period.MINUTE)), limit(100), limit(1, Unit.CONCURRENT)
    reservation = await bench.grant("r", [minute, total, at_once], Amounts(60, concurrent=1))
    assert await fields(bench) == {"tokens:minute": NOON + 60 + 86_400, "tokens:total": -1, "concurrent:%": -1}
    await bench.at(NOON + 60)
    reservation = await bench.extend(reservation, [minute, total, at_once], Amounts(70, concurrent=1))
    assert (await fields(bench))["tokens:minute"] == NOON + 120 + 86_400
    await bench.ledger.settle(reservation, tokens(1))
    assert await fields(bench) == {"tokens:minute": NOON + 120 + 86_400, "tokens:total": -1}


async def fields(bench: Bench) -> dict[str, int]:
    """All counters, and when they go."""
    key = bench.store.keys.counters("acme")
    names = await bench.store.command("HKEYS", key)
    ends = await bench.store.command("HEXPIRETIME", key, "FIELDS", len(names), *names)
    return dict(zip((name.decode() for name in names), ends, strict=True))


async def test_an_open_record_stays_and_a_closed_one_goes(bench: Bench) -> None:
    """It is known long enough for every late call, and no longer."""
    reservation = await bench.grant("r", [limit(100)], tokens(60))
    record = bench.store.keys.reservation("acme", "r")
    assert await bench.store.command("TTL", record) == -1
    await bench.ledger.settle(reservation, tokens(1))
    assert 500 < await bench.store.command("TTL", record) <= 600


async def test_no_limits_need_no_store() -> None:
    """Without a budget Redis is not asked: a request runs, and grows, though it is away."""
    store = await open_store(f"redis://127.0.0.1:{free_port()}/0", StoreSpec(timeout_s=0.1))
    ledger = RedisBudgetLedger(store)
    reservation = await ledger.reserve("r", ACME, [], tokens(60, 5))
    assert reservation == Reservation("r", "acme", tokens(60, 5))
    assert await ledger.extend(reservation, ACME, [], tokens(70)) == Reservation("r", "acme", tokens(70))
    await ledger.settle(reservation, tokens(50, 4))
    with pytest.raises(StoreUnavailable):
        await ledger.reserve("r", ACME, [limit(100)], tokens(60))
    await store.close()


@pytest.mark.parametrize("amounts", [tokens(-1), tokens(2**53), Amounts(2**52, 2**52)])
async def test_amounts_that_lua_cannot_count_are_refused(bench: Bench, amounts: Amounts) -> None:
    """A negative reservation would give budget away; one beyond 2^53 would be rounded."""
    with pytest.raises(LeanServeError, match="amount"):
        await bench.ledger.reserve("r", ACME, [limit(100)], amounts)
    granted = await bench.grant("s", [limit(100)], tokens(1))
    with pytest.raises(LeanServeError, match="amount"):
        await bench.ledger.extend(granted, ACME, [limit(100)], amounts)
    with pytest.raises(LeanServeError, match="amount"):
        await bench.ledger.settle(granted, amounts)


async def test_large_amounts_stay_exact(bench: Bench) -> None:
    """Beyond the 14 digits that Lua prints of a number by itself, and to the last of the 53 bits."""
    large = limit(2**53 - 1, Unit.MICRO_USD)
    reservation = await bench.grant("r", [large], tokens(0, 2**53 - 2))
    assert await bench.ledger.reserve("s", ACME, [large], tokens(0, 2)) == BudgetExceeded(large, 1, 2, None)
    await bench.ledger.settle(reservation, tokens(0, 2**53 - 3))
    assert await bench.booked(large) == [(2**53 - 3, 0)]


async def test_a_scope_of_another_tenant_is_refused(bench: Bench) -> None:
    """One tenant's request never touches another's counters, nor another slot."""
    with pytest.raises(LeanServeError, match="tenant"):
        await bench.ledger.reserve("r", Caller("mallory"), [limit(100)], tokens(1))


async def test_lying_tenants_share_nothing(bench: Bench) -> None:
    """Braces, colons and globs in a name make another tenant, never another's counter."""
    names = ["acme", "acme}", "{acme}", "acme:budget", "acme*", "acme\n", "", "*", "\ud800"]
    for name in names:
        await bench.grant("r", [limit(100, tenant=name)], tokens(60))
    for name in names:
        assert await bench.booked(limit(100, tenant=name)) == [(0, 60)]
