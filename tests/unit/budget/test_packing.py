import pickle

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.budget.limits import scopes_of
from app.budget.packing import in_scopes, in_units, of_units, plan, plan_each
from app.budget.stops import scope_of
from app.domain import Amounts, Caller, Limit, MicroUsd, Period, Reservation, Scope, Unit, Window

NAMES = st.one_of(
    st.text(max_size=20),
    st.text(alphabet=":%{}=, \n", max_size=8),
    st.sampled_from(["", "%", "%%", "user", "tokens:day", "\ud800", "x" * 300]),
)
PARTS = st.lists(st.tuples(st.sampled_from(["team", "feature", "user", "session", "key"]), NAMES), max_size=3)
WINDOWS = st.builds(Window, st.sampled_from(Period), st.booleans(), st.sampled_from(["UTC", "Europe/Berlin"]))
LIMITS = st.builds(
    Limit, st.builds(Scope, st.just("acme"), PARTS.map(tuple)), st.sampled_from(Unit), st.just(1), WINDOWS
)
COUNTS = st.integers(0, 2**51)
AMOUNTS = st.builds(Amounts, COUNTS, COUNTS, COUNTS.map(MicroUsd), COUNTS, COUNTS)


def fields(*limits: Limit) -> list[str]:
    """The counters of these limits."""
    return [each[0] for each in msgspec.msgpack.decode(plan_each(limits, 0))[0]]


def counter(limit: Limit) -> tuple[object, ...]:
    """What makes two limits count together: a window that slides has no zone, and who is under way no window."""
    window = limit.window if not limit.window.sliding else Window(limit.window.period, sliding=True)
    return limit.scope, limit.unit, None if limit.unit is Unit.CONCURRENT else window


@given(LIMITS, LIMITS)
def test_counters_are_injective(one: Limit, other: Limit) -> None:
    """Whatever users call themselves, two things are never counted in one, and one thing never in two."""
    [first, second] = fields(one, other)
    assert (first == second) == (counter(one) == counter(other))
    assert first.isascii()


@given(AMOUNTS)
def test_amounts_are_in_the_order_of_their_units(amounts: Amounts) -> None:
    """The scripts know units by their place."""
    assert in_units(amounts) == tuple(amounts.of(unit) for unit in Unit)
    assert of_units(in_units(amounts)) == amounts


@given(st.builds(Caller, NAMES, NAMES, NAMES, NAMES, NAMES))
def test_scopes_are_told_as_they_are_written(caller: Caller) -> None:
    """One word each, that reads back as the scope: whatever the caller names."""
    assert [scope_of(word) for word in in_scopes(caller).split(" ")] == scopes_of(caller)


def test_a_reservation_crosses_a_hop() -> None:
    """With what the ledger remembers in it."""
    limit = Limit(Scope("acme"), Unit.TOKENS, 5)
    reservation = Reservation("r", "acme", Amounts(1), booked=plan("acme", [limit], 0).packed)
    assert pickle.loads(pickle.dumps(reservation)) == reservation
