from dataclasses import replace

import pytest

from app.budget.limits import scopes_of
from app.domain import Amounts, Caller, Reservation, Scope, ScopeStopped
from tests.unit.budget.bench import ACME, Bench, limit, tokens

ANN = Caller("acme", team="t", feature="faq", user="a,n=n é", session="s", key="k1", above=("p", "g g"))


@pytest.mark.parametrize("scope", scopes_of(ANN), ids=str)
async def test_a_stop_binds_whoever_is_in_its_scope(bench: Bench, scope: Scope) -> None:
    """Neither a grant nor an extension passes it; who is not in the scope does; resumed, all do."""
    granted = await bench.ledger.reserve("r", ANN, [limit(100)], tokens(1))
    assert isinstance(granted, Reservation)
    await bench.stops.stop(scope, "runaway")
    stopped = ScopeStopped(scope, "runaway")
    assert await bench.ledger.reserve("s", ANN, [limit(100)], tokens(1)) == stopped
    assert await bench.ledger.extend(granted, ANN, [limit(100)], tokens(2)) == stopped
    assert isinstance(await bench.ledger.reserve("t", ACME, [limit(100)], tokens(1)), Reservation) == bool(scope.parts)
    other = replace(ANN, tenant="other")
    assert isinstance(await bench.ledger.reserve("u", other, [limit(100, tenant="other")], tokens(1)), Reservation)
    await bench.stops.resume(scope)
    assert isinstance(await bench.ledger.extend(granted, ANN, [limit(100)], tokens(2)), Reservation)


async def test_what_was_spent_is_settled_though_its_scope_is_stopped(bench: Bench) -> None:
    """A stop ends spending, it does not hide it."""
    granted = await bench.grant("r", [limit(100)], tokens(60))
    await bench.stops.stop(Scope("acme"))
    await bench.ledger.settle(granted, tokens(20))
    assert await bench.booked(limit(100)) == [(20, 0)]


async def test_stops_are_listed(bench: Bench) -> None:
    """By tenant and in all, whatever the names hold; a second reason replaces the first."""
    liar = Scope("a,b={}\n%", (("feature", "x,user=ann"), ("user", "\ud800 ")))
    await bench.stops.stop(liar, "one")
    await bench.stops.stop(liar, "two\ud800é")
    await bench.stops.stop(Scope("acme"), "")
    assert await bench.stops.stops(liar.tenant) == [ScopeStopped(liar, "two?é")]
    assert await bench.stops.stops("nobody") == []
    assert await bench.stops.stops() == [ScopeStopped(liar, "two?é"), ScopeStopped(Scope("acme"))]
    await bench.stops.resume(liar)
    assert await bench.stops.stops() == [ScopeStopped(Scope("acme"))]


async def test_a_change_changes_the_revision(bench: Bench) -> None:
    """Who polls learns of every stop and every resumption, and of what others revise."""
    seen = [await bench.leases.beat("one")]
    await bench.stops.stop(Scope("acme"))
    seen.append(await bench.leases.beat("one"))
    await bench.stops.resume(Scope("acme"))
    seen.append(await bench.leases.beat("two"))
    await bench.store.command("INCR", bench.store.keys.revision("budgets"))
    seen.append(await bench.leases.beat("two"))
    assert [(each.stops, each.keys, each.budgets) for each in seen] == [(0, 0, 0), (1, 0, 0), (2, 0, 0), (2, 0, 1)]


async def test_a_repeated_grant_of_nothing_is_stopped_too(bench: Bench) -> None:
    """A request that costs nothing is a request."""
    await bench.stops.stop(Scope("acme"), "night")
    refused = await bench.ledger.reserve("r", ACME, [limit(100)], Amounts())
    assert refused == ScopeStopped(Scope("acme"), "night")


async def test_what_was_spent_without_the_ledger_is_booked_once_though_its_scope_is_stopped(bench: Bench) -> None:
    """And beyond the limit; nothing is held."""
    await bench.stops.stop(Scope("acme"))
    for _ in range(2):
        await bench.ledger.book("r-open", "acme", [limit(100)], tokens(120))
    assert await bench.booked(limit(100)) == [(120, 0)]
