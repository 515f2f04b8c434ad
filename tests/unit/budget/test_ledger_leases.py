import pytest

from app.budget.ledger import RedisBudgetLedger
from app.domain import Amounts, Caller, Period, Reservation, Unit, Window
from tests.unit.budget.bench import ACME, NOON, Bench, limit, tokens

ONE = Amounts(input_tokens=60, requests=1, concurrent=1)
LIMITS = [limit(100), limit(9, Unit.REQUESTS), limit(9, Unit.CONCURRENT)]
HELD, SPENT = [(0, 60), (0, 1), (0, 1)], [(60, 0), (1, 0), (0, 0)]


async def grant(ledger: RedisBudgetLedger, id_: str, tenant: str = "acme") -> Reservation:
    limits = [limit(each.amount, each.unit, tenant=tenant) for each in LIMITS]
    granted = await ledger.reserve(id_, Caller(tenant), limits, ONE)
    assert isinstance(granted, Reservation)
    return granted


async def watch(bench: Bench, seconds: float, *alive: str) -> list[str]:
    """What is reclaimed while the actor looks every second and the `alive` beat."""
    found = []
    until = bench.now + seconds
    while bench.now < until:
        await bench.at(bench.now + 1)
        for holder in alive:
            await bench.leases.beat(holder)
        found += [each.id for each in await bench.leases.reclaim()]
    return sorted(found)


async def test_what_a_dead_holder_held_is_spent(bench: Bench) -> None:
    """After 5 s without a sign, for every tenant, once; who was under way is not any more. The living keep theirs."""
    dead, alive = bench.ledger_of("dead"), bench.ledger_of("alive")
    await grant(dead, "a")
    await grant(dead, "é{}\ud800", "o{t}h:er\n*")
    await grant(alive, "b", "living")
    assert await watch(bench, 4, "alive") == []
    assert await bench.booked(*LIMITS) == HELD
    assert await watch(bench, 3, "alive") == ["a", "é{}\ud800"]
    assert await bench.booked(*LIMITS) == SPENT
    assert await watch(bench, 20, "alive") == []
    assert await bench.booked(limit(100, tenant="living")) == [(0, 60)]


async def test_the_late_truth_replaces_what_was_reclaimed(bench: Bench) -> None:
    """A replica that was only frozen settles after all: once, and in the windows of its grants."""
    limits = [*LIMITS, limit(100, window=Window(Period.MINUTE)), limit(100, window=Window(Period.HOUR, sliding=True))]
    granted = await bench.ledger_of("frozen").reserve("r", ACME, limits, ONE)
    assert isinstance(granted, Reservation)
    assert await watch(bench, 7) == ["r"]
    assert await bench.booked(*limits) == [*SPENT, (60, 0), (60, 0)]
    for count in (20, 30):
        await bench.ledger.settle(granted, Amounts(input_tokens=count, requests=1))
    assert await bench.booked(*limits) == [(20, 0), (1, 0), (0, 0), (20, 0), (20, 0)]


@pytest.mark.parametrize("count", [0, 60, 70])
async def test_the_late_truth_may_be_any(bench: Bench, count: int) -> None:
    """Nothing, all, or more than was held."""
    granted = await grant(bench.ledger_of("frozen"), "r")
    await watch(bench, 7)
    await bench.ledger.settle(granted, Amounts(input_tokens=count))
    assert await bench.booked(*LIMITS) == [(count, 0), (0, 0), (0, 0)]


async def test_a_store_that_was_away_buries_nobody(bench: Bench) -> None:
    """While nobody could look nobody could be heard: after a gap the wait begins anew."""
    await grant(bench.ledger_of("one"), "r")
    await watch(bench, 3, "one")
    await bench.at(bench.now + 20)
    assert [each.id for each in await bench.leases.reclaim()] == []
    assert await watch(bench, 4) == []
    assert await watch(bench, 2, "one") == []


async def test_past_its_deadline_it_is_spent_though_its_holder_lives(bench: Bench) -> None:
    """The second net: for what a living holder forgot, and for who has no name and gives no signs."""
    await grant(bench.ledger_of("alive"), "a")
    await grant(bench.ledger, "b", "other")
    assert await watch(bench, 59, "alive") == []
    assert await watch(bench, 1, "alive") == ["a", "b"]


async def test_a_settled_reservation_is_not_reclaimed(bench: Bench) -> None:
    """Settled by whichever replica, it is nobody's business any more."""
    await bench.ledger.settle(await grant(bench.ledger_of("dead"), "r"), tokens(10))
    assert await watch(bench, 70) == []
    assert await bench.booked(limit(100)) == [(10, 0)]


async def test_more_than_a_batch_is_reclaimed_at_once(bench: Bench) -> None:
    """A replica held hundreds."""
    ledger = bench.ledger_of("dead")
    for number in range(250):
        await ledger.reserve(f"r{number}", ACME, [limit(1_000)], tokens(1))
    assert len(await watch(bench, 6)) == 250
    assert await bench.booked(limit(1_000)) == [(250, 0)]


async def test_the_dead_are_forgotten_and_may_come_back(bench: Bench) -> None:
    """Two minutes after their last sign nothing is kept of them; one that was only frozen so long is found again."""
    ledger = bench.ledger_of("ghost")
    await bench.ledger.settle(await grant(ledger, "r"), tokens(0))
    await watch(bench, 125)
    assert await bench.store.command("HKEYS", bench.store.keys.beats()) == []
    assert await bench.store.command("EXISTS", bench.store.keys.tenants("ghost")) == 0
    await grant(ledger, "s")
    assert await watch(bench, 7) == ["s"]


async def test_beats_are_written_once_a_second(bench: Bench) -> None:
    """Each write waits for the disk: polling four times a second writes once."""
    times = []
    for quarter in range(9):
        await bench.at(NOON + quarter / 4)
        await bench.leases.beat("one")
        times.append(int(await bench.store.command("HGET", bench.store.keys.beats(), "one")) / 1e6 - NOON)
    assert times == [0, 0, 0, 0, 1, 1, 1, 1, 2]
