from dataclasses import replace

import pytest

from app.domain import Amounts, BudgetExceeded, Limit, Period, Scope, ScopeStopped, Unit, Window
from app.errors import ReservationClosed
from tests.unit.budget.bench import ACME, NOON, NOTHING, Bench, limit, tokens

MINUTE = Window(Period.MINUTE)
SLIDING = Window(Period.MINUTE, sliding=True)
SOME = Amounts(10, 20, requests=1, concurrent=1)


async def test_an_extension_is_absolute(bench: Bench) -> None:
    """It says what is held in all: repeated it changes nothing, smaller it gives back; the settlement takes it all."""
    limits = [limit(100), limit(5, Unit.REQUESTS), limit(5, Unit.CONCURRENT)]
    reservation = await bench.grant("r", limits, SOME)
    for held in (Amounts(10, 50, requests=1, concurrent=1), Amounts(10, 50, requests=1, concurrent=1), SOME):
        reservation = await bench.extend(reservation, limits, held)
        assert await bench.booked(*limits) == [(0, held.tokens), (0, 1), (0, 1)]
        assert (reservation.amounts, reservation.left[0].amount) == (held, 100 - held.tokens)
    await bench.ledger.settle(reservation, Amounts(9, 9, requests=1))
    assert await bench.booked(*limits) == [(18, 0), (1, 0), (0, 0)]


async def test_a_refused_extension_changes_nothing(bench: Bench) -> None:
    """It says what could be added, and what was to be; exactly what is left is granted."""
    limits = [limit(500), limit(100, Unit.INPUT_TOKENS)]
    reservation = await bench.grant("r", limits, tokens(70))
    assert await bench.ledger.extend(reservation, ACME, limits, tokens(101)) == BudgetExceeded(limits[1], 30, 31, None)
    assert await bench.booked(*limits) == [(0, 70), (0, 70)]
    assert (await bench.extend(reservation, limits, tokens(100))).left[1].amount == 0


async def test_it_fits_in_the_limits_of_now(bench: Bench) -> None:
    """Unchanged amounts do not fit under a lowered limit; a limit that is new counts all of it; one that went none."""
    reservation = await bench.grant("r", [limit(100)], tokens(70))
    lowered, other = limit(69), Limit(Scope("acme", (("feature", "faq"),)), Unit.TOKENS, 80)
    assert await bench.ledger.extend(reservation, ACME, [lowered], tokens(70)) == BudgetExceeded(lowered, 0, 0, None)
    assert isinstance(await bench.ledger.extend(reservation, ACME, [other], tokens(81)), BudgetExceeded)
    moved = await bench.extend(reservation, [other], tokens(80))
    assert await bench.booked(limit(100), other) == [(0, 80), (0, 80)]
    await bench.ledger.settle(await bench.extend(moved, [], tokens(75)), tokens(5))
    assert await bench.booked(limit(100), other) == [(5, 0), (5, 0)]


async def test_what_was_without_limits_is_booked_with_the_first(bench: Bench) -> None:
    """A limit that comes while it streams counts all that it holds."""
    free = await bench.ledger.reserve("r", ACME, [], tokens(60))
    assert not isinstance(free, BudgetExceeded | ScopeStopped)
    assert not free.booked
    await bench.ledger.settle(await bench.extend(free, [limit(100)], tokens(70)), tokens(20))
    assert await bench.booked(limit(100)) == [(20, 0)]


@pytest.mark.parametrize("heard", [True, False])
async def test_where_an_extension_was_not_heard_of_all_that_is_held_is_spent(bench: Bench, heard: bool) -> None:
    """It was granted, and who settles cannot know; where it was not, no more than before is spent."""
    limits = [limit(100), limit(5, Unit.REQUESTS), limit(5, Unit.CONCURRENT)]
    reservation = await bench.grant("r", limits, SOME)
    if heard:
        await bench.extend(reservation, limits, Amounts(10, 50, requests=1, concurrent=1))
    await bench.ledger.settle(replace(reservation, doubtful=True), Amounts(9, 9, requests=1))
    assert await bench.booked(*limits) == [(60 if heard else 30, 0), (1, 0), (0, 0)]


@pytest.mark.parametrize("end", ["settle", "reclaim"])
async def test_what_is_closed_grows_no_more(bench: Bench, end: str) -> None:
    """The caller is told: whatever it spends from now on nobody granted."""
    reservation = await bench.grant("r", [limit(100)], tokens(60))
    if end == "settle":
        await bench.ledger.settle(reservation, tokens(60))
    else:
        await bench.at(NOON + 60)
        await bench.leases.reclaim()
    with pytest.raises(ReservationClosed):
        await bench.ledger.extend(reservation, ACME, [limit(100)], tokens(60))
    assert await bench.booked(limit(100)) == [(60, 0)]


async def test_a_call_that_was_overtaken_changes_nothing(bench: Bench) -> None:
    """A frozen Redis may run what it was sent in any order: the amounts are those of the last call."""
    reservation = await bench.grant("r", [limit(100)], tokens(10))
    early = bench.ledger_of("", wall=lambda: NOON - 1)
    await bench.extend(reservation, [limit(100)], tokens(80))
    granted = await early.extend(reservation, ACME, [limit(100)], tokens(20))
    assert not isinstance(granted, BudgetExceeded | ScopeStopped)
    assert granted.amounts == tokens(80)
    assert await bench.booked(limit(100)) == [(0, 80)]


async def test_a_token_counts_in_the_window_in_which_it_was_granted(bench: Bench) -> None:
    """Each extension books its increase in the windows of now; what was not spent comes from the youngest first."""
    limits = [limit(100, window=MINUTE), limit(1_000)]
    reservation = await bench.grant("r", limits, tokens(60))
    await bench.at(NOON + 60)
    assert await bench.booked(*limits) == [(0, 0), (0, 60)]
    reservation = await bench.extend(reservation, limits, tokens(150))
    assert await bench.booked(*limits) == [(0, 90), (0, 150)]
    await bench.ledger.settle(reservation, tokens(75))
    assert await bench.booked(*limits) == [(15, 0), (75, 0)]


async def test_less_than_an_older_window_held_leaves_nothing_in_this_one(bench: Bench) -> None:
    """Shrunk below what was granted before, nothing of it counts now; grown again, the increase does."""
    limits = [limit(100, window=MINUTE)]
    reservation = await bench.grant("r", limits, tokens(60))
    await bench.at(NOON + 60)
    reservation = await bench.extend(reservation, limits, tokens(90))
    reservation = await bench.extend(reservation, limits, tokens(50))
    assert await bench.booked(*limits) == [(0, 0)]
    reservation = await bench.extend(reservation, limits, tokens(57))
    assert await bench.booked(*limits) == [(0, 7)]
    await bench.ledger.settle(reservation, tokens(53))
    assert await bench.booked(*limits) == [(3, 0)]


async def test_what_an_older_window_held_makes_no_room_in_this_one(bench: Bench) -> None:
    """Given back below a lowered limit, only as much as counts now helps."""
    limits = [limit(100, window=MINUTE)]
    reservation = await bench.grant("r", limits, tokens(60))
    await bench.at(NOON + 60)
    await bench.grant("other", limits, tokens(90))
    reservation = await bench.extend(reservation, limits, tokens(70))
    lowered = [limit(80, window=MINUTE)]
    assert isinstance(await bench.ledger.extend(reservation, ACME, lowered, tokens(40)), BudgetExceeded)
    assert await bench.booked(*limits) == [(0, 100)]
    await bench.extend(reservation, [limit(90, window=MINUTE)], tokens(40))
    assert await bench.booked(*limits) == [(0, 90)]


async def test_a_sliding_window_forgets_by_the_sixtieth(bench: Bench) -> None:
    """What was granted counts for a minute and the rest of its second; a refusal says when enough of it is past."""
    limits = [limit(100, window=SLIDING)]
    first = await bench.grant("a", limits, tokens(60))
    await bench.at(NOON + 10)
    await bench.grant("b", limits, tokens(40))
    assert await bench.ledger.reserve("c", ACME, limits, tokens(60)) == BudgetExceeded(limits[0], 0, 60, 51)
    assert await bench.ledger.reserve("c", ACME, limits, tokens(61)) == BudgetExceeded(limits[0], 0, 61, 61)
    await bench.at(NOON + 60.999)
    assert await bench.booked(*limits) == [(0, 100)]
    await bench.at(NOON + 61)
    assert await bench.booked(*limits) == [(0, 40)]
    await bench.ledger.settle(first, tokens(60))
    assert await bench.booked(*limits) == [(0, 40)]
    assert (await bench.ledger.remaining("acme", limits))[0].resets_in_s == 10


async def test_a_sliding_window_gives_back_to_the_seconds_of_the_grants(bench: Bench) -> None:
    """Unspent tokens leave the youngest sub-buckets; the others leave when their own time has come."""
    limits = [limit(100, window=SLIDING)]
    reservation = await bench.grant("r", limits, tokens(10))
    for second in (1, 2, 3):
        await bench.at(NOON + 10 * second)
        reservation = await bench.extend(reservation, limits, tokens(10 + 10 * second))
    await bench.ledger.settle(reservation, tokens(25))
    assert await bench.booked(*limits) == [(25, 0)]
    for milliseconds, left in ((60_900, 25), (61_000, 15), (71_000, 5), (81_000, 0)):
        await bench.at(NOON + milliseconds / 1000)
        assert await bench.booked(*limits) == [(left, 0)]


async def test_a_clock_that_was_set_back_gives_nothing_away(bench: Bench) -> None:
    """The newest window stays the present one until the clock has caught up."""
    limits = [limit(100, window=MINUTE), limit(100, window=SLIDING)]
    await bench.at(NOON + 60)
    reservation = await bench.grant("r", limits, tokens(60))
    await bench.at(NOON + 30)
    assert isinstance(await bench.ledger.reserve("s", ACME, limits, tokens(41)), BudgetExceeded)
    reservation = await bench.extend(reservation, limits, tokens(70))
    await bench.ledger.settle(reservation, tokens(65))
    assert await bench.booked(*limits) == [(65, 0), (65, 0)]
    await bench.at(NOON + 119)
    assert await bench.booked(*limits) == [(65, 0), (65, 0)]


async def test_marks_are_told_once_a_window(bench: Bench) -> None:
    """What is spent counts, not what is held; who passes a mark tells it, and nobody else until the next window."""
    daily = limit(100, window=Window(Period.DAY), marks=(50, 80, 95))
    settled = []
    for id_, spent in (("a", 40), ("b", 10), ("c", 0), ("d", 46), ("e", 4)):
        await bench.ledger.settle(await bench.grant(id_, [daily], tokens(1)), tokens(spent))
        settled.append([(each.mark, each.spent) for each in bench.told])
        bench.told.clear()
    assert settled == [[], [(50, 50)], [], [(80, 96), (95, 96)], []]
    await bench.at(NOON + 86_400)
    await bench.ledger.settle(await bench.grant("f", [daily], tokens(99)), tokens(60))
    assert [(each.limit, each.mark, each.spent) for each in bench.told] == [(daily, 50, 60)]


async def test_a_mark_is_not_told_again_when_spending_was_corrected(bench: Bench) -> None:
    """A reclaim passes the mark unheard: the next settlement tells it; the late truth and its refilling do not."""
    marked = limit(100, marks=(50,))
    late = await bench.grant("late", [marked], tokens(60))
    await bench.at(NOON + 60)
    await bench.leases.reclaim()
    await bench.ledger.settle(await bench.grant("a", [marked], tokens(10)), tokens(1))
    assert [(each.mark, each.spent) for each in bench.told] == [(50, 61)]
    await bench.ledger.settle(late, tokens(0))
    await bench.ledger.settle(await bench.grant("b", [marked], tokens(60)), tokens(55))
    assert len(bench.told) == 1


async def test_a_mark_of_a_sliding_window_is_told_again_after_it(bench: Bench) -> None:
    """Spent, forgotten and spent again: that is told again, but at most once in the length of the window."""
    marked = limit(100, window=SLIDING, marks=(50,))
    for number, second in enumerate((0, 30, 61, 200)):
        await bench.at(NOON + second)
        await bench.ledger.settle(await bench.grant(f"r{number}", [marked], tokens(40)), tokens(40))
    assert [each.spent for each in bench.told] == [80]
    await bench.ledger.settle(await bench.grant("again", [marked], tokens(60)), tokens(50))
    assert [each.spent for each in bench.told] == [80, 90]


async def test_settle_releases_in_every_window(bench: Bench) -> None:
    """Nothing was spent: nothing counts, wherever it was held."""
    limits = [limit(100, window=MINUTE), limit(100, window=SLIDING), limit(100)]
    reservation = await bench.grant("r", limits, tokens(10))
    for second in (30, 70):
        await bench.at(NOON + second)
        reservation = await bench.extend(reservation, limits, tokens(10 + second))
    await bench.ledger.settle(reservation, NOTHING)
    assert await bench.booked(*limits) == [(0, 0)] * 3
