"""What those under way have used for good, of what they hold: who is refused need not wait for that."""

from dataclasses import replace

import pytest

from app.domain import Amounts, BudgetExceeded, Limit, Period, Reservation, Unit, Window
from tests.unit.budget.bench import ACME, NOTHING, Bench, limit, tokens

MINUTE = Window(Period.MINUTE)


async def kept_out(bench: Bench, *limits: Limit) -> int:
    """What a request that does not fit is told that others may give back."""
    refused = await bench.ledger.reserve("late", ACME, limits, tokens(1_000))
    assert isinstance(refused, BudgetExceeded)
    return refused.held


async def noted(bench: Bench) -> dict[bytes, bytes]:
    """All that is known to be used."""
    found: dict[bytes, bytes] = await bench.store.command("HGETALL", bench.store.keys.used("acme"))
    return found


def used(reservation: Reservation, count: int) -> Reservation:
    return replace(reservation, used=tokens(count))


async def test_what_is_used_comes_back_to_nobody(bench: Bench) -> None:
    """Each extension tells it anew; the settlement takes it away."""
    limits = [limit(100)]
    one, other = await bench.grant("r", limits, tokens(30)), await bench.grant("s", limits, tokens(20))
    assert await kept_out(bench, *limits) == 50
    one = await bench.extend(used(one, 25), limits, tokens(40))
    assert await kept_out(bench, *limits) == 60 - 25
    one = await bench.extend(used(one, 35), limits, tokens(50))
    await bench.extend(used(other, 20), limits, tokens(20))
    assert await kept_out(bench, *limits) == 70 - 55
    await bench.ledger.settle(one, tokens(36))
    assert await kept_out(bench, *limits) == 0
    await bench.ledger.settle(other, tokens(20))
    assert (await noted(bench), await bench.booked(*limits)) == ({}, [(56, 0)])


async def test_a_refused_extension_tells_it_too(bench: Bench) -> None:
    """Two that have used up all they hold do not wait for each other."""
    limits = [limit(100)]
    one, other = await bench.grant("r", limits, tokens(60)), await bench.grant("s", limits, tokens(40))
    first = await bench.ledger.extend(used(one, 60), ACME, limits, tokens(61))
    assert isinstance(first, BudgetExceeded)
    assert (first.held, first.is_only_held) == (40, True)
    second = await bench.ledger.extend(used(other, 40), ACME, limits, tokens(41))
    assert isinstance(second, BudgetExceeded)
    assert (second.held, second.is_only_held) == (0, False)
    again = await bench.ledger.extend(used(one, 60), ACME, limits, tokens(61))
    assert isinstance(again, BudgetExceeded)
    assert (again.held, again.is_only_held) == (0, False)
    assert await bench.booked(*limits) == [(0, 100)]


async def test_never_more_than_is_held(bench: Bench) -> None:
    """Who says that more was used, or gave some of it back, makes nothing of what others hold look used."""
    limits = [limit(100), limit(100, Unit.CONCURRENT), limit(100, Unit.REQUESTS)]
    one = await bench.grant("r", limits, Amounts(30, 0, requests=1, concurrent=1))
    await bench.grant("s", limits, tokens(20))
    one = await bench.extend(used(one, 1_000), limits, tokens(10))
    assert await kept_out(bench, *limits) == 20
    assert list((await noted(bench)).values()) == [b"10"]
    assert isinstance(await bench.ledger.extend(one, ACME, limits, tokens(10)), Reservation)
    assert list((await noted(bench)).values()) == [b"10"]


async def test_it_is_counted_where_it_was_granted(bench: Bench) -> None:
    """The oldest part is used first: of the present window only what goes beyond it."""
    limits = [limit(100, window=MINUTE)]
    one = await bench.grant("r", limits, tokens(60))
    await bench.at(bench.now + 60)
    one = await bench.extend(used(one, 50), limits, tokens(100))
    assert await kept_out(bench, *limits) == 40
    await bench.extend(used(one, 75), limits, tokens(100))
    assert await kept_out(bench, *limits) == 40 - 15


async def test_under_a_limit_that_is_new(bench: Bench) -> None:
    """There as well; and under one that is gone until the end."""
    one = await bench.grant("r", [limit(100)], tokens(60))
    both = [limit(100), limit(200, Unit.INPUT_TOKENS)]
    one = await bench.extend(used(one, 50), both, tokens(70))
    assert list((await noted(bench)).values()) == [b"50", b"50"]
    one = await bench.extend(used(one, 60), both[1:], tokens(70))
    assert sorted((await noted(bench)).values()) == [b"60", b"60"]
    await bench.ledger.settle(one, NOTHING)
    assert await noted(bench) == {}


async def test_a_refused_extension_tells_it_once_where_a_limit_is_gone(bench: Bench) -> None:
    """What keeps up a limit that binds no more is written anew by each call: nothing counts twice, or for ever."""
    one = await bench.grant("r", [limit(100), limit(200, Unit.INPUT_TOKENS)], tokens(60))
    one = await bench.extend(one, [limit(100)], tokens(60))
    for _ in range(3):
        assert isinstance(await bench.ledger.extend(used(one, 50), ACME, [limit(100)], tokens(101)), BudgetExceeded)
        assert list((await noted(bench)).values()) == [b"50", b"50"]
    await bench.ledger.settle(one, NOTHING)
    assert await noted(bench) == {}


async def test_what_is_given_back_is_not_used(bench: Bench) -> None:
    """Who holds less than it said was used, and says nothing anew, used no more than that."""
    limits = [limit(100), limit(200, Unit.INPUT_TOKENS)]
    one = await bench.grant("r", limits, tokens(60))
    one = await bench.extend(used(one, 50), limits, tokens(60))
    one = await bench.extend(one, limits, tokens(20))
    assert list((await noted(bench)).values()) == [b"20", b"20"]
    await bench.extend(one, limits, tokens(0))
    assert await noted(bench) == {}


@pytest.mark.parametrize("withdrawn", [True, False])
async def test_nothing_of_it_is_left_of_who_is_gone(bench: Bench, withdrawn: bool) -> None:
    """Withdrawn, or reclaimed after its replica died; a late settlement takes nothing a second time."""
    limits = [limit(100)]
    dead = bench.ledger_of("dead")
    one = await dead.reserve("r", ACME, limits, tokens(30))
    assert isinstance(one, Reservation)
    other = await bench.extend(used(await bench.grant("s", limits, tokens(20)), 5), limits, tokens(20))
    assert isinstance(await dead.extend(used(one, 25), ACME, limits, tokens(30)), Reservation)
    if withdrawn:
        await dead.withdraw("r", "acme")
    else:
        await bench.leases.reclaim()
        for _ in range(7):
            await bench.at(bench.now + 1)
            await bench.leases.reclaim()
    assert list((await noted(bench)).values()) == [b"5"]
    await bench.ledger.settle(one, tokens(25))
    assert list((await noted(bench)).values()) == [b"5"]
    await bench.ledger.settle(other, tokens(5))
    assert await noted(bench) == {}


@pytest.mark.parametrize("sliding", [False, True])
async def test_what_was_used_in_a_window_that_is_past_hides_nothing_of_this_one(bench: Bench, sliding: bool) -> None:
    """Who has all that it needs asks no more: others were told that nobody gives back what was held later."""
    limits = [limit(100, window=Window(Period.MINUTE, sliding))]
    one = await bench.grant("r", limits, tokens(60))
    one = await bench.extend(used(one, 50), limits, tokens(60))
    await bench.at(bench.now + 120)
    await bench.grant("s", limits, tokens(80))
    assert await kept_out(bench, *limits) == 80
    await bench.ledger.settle(one, tokens(50))
    assert await noted(bench) == {}
