"""What a replica of an engine reads of a reservation, on real Redis."""

from app.budget.grants import RedisGrants
from app.domain import Amounts, MicroUsd
from tests.unit.budget.bench import NOTHING, SCRIPTS, Bench, limit

HELD = Amounts(10, 64, MicroUsd(3), 1, 1)


async def test_the_books_say_what_is_held_as_long_as_it_is(bench: Bench) -> None:
    """Not before, the latest after an extension, and nothing once it was settled."""
    grants = RedisGrants(bench.store, scripts=SCRIPTS)
    assert await grants.granted("acme", "r") is None
    reservation = await bench.grant("r", [limit(1000)], HELD)
    assert await grants.granted("acme", "r") == HELD
    more = Amounts(10, 192, MicroUsd(9), 1, 1)
    await bench.extend(reservation, [limit(1000)], more)
    assert await grants.granted("acme", "r") == more
    assert await grants.granted("other", "r") is None
    await bench.ledger.settle(reservation, NOTHING)
    assert await grants.granted("acme", "r") is None


async def test_of_a_dead_holder_nothing_is_granted(bench: Bench) -> None:
    """Reclaimed: what it held is spent, and no engine goes on with it."""
    await bench.leases.beat("gone")
    bench.ledger = bench.ledger_of("gone")
    await bench.grant("r", [limit(1000)], HELD)
    for second in range(7):
        await bench.at(bench.now + 1)
        await bench.leases.reclaim()
        del second
    assert await RedisGrants(bench.store, scripts=SCRIPTS).granted("acme", "r") is None
    assert await bench.booked(limit(1000)) == [(74, 0)]


async def test_what_an_engine_made_is_found_by_its_attempt(bench: Bench) -> None:
    """Said by its replica, asked by the one that pays."""
    grants = RedisGrants(bench.store, scripts=SCRIPTS)
    reservation = await bench.grant("r", [limit(1000)], HELD)
    await grants.made("acme", "r", 2, 31)
    assert [await bench.ledger.made(reservation, attempt) for attempt in (1, 2)] == [None, 31]
