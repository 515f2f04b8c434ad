"""The breaker's guard: closed, open, one probe, and the three outcomes."""

import pytest

from app.breaker import BreakerGuard, Permit
from tests.fakes_backends import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def guard(clock: FakeClock) -> BreakerGuard:
    return BreakerGuard("small/echo", failures=2, reset_s=10, clock=clock)


def admitted(guard: BreakerGuard) -> Permit:
    permit = guard.admit()
    assert permit
    return permit


def opened(guard: BreakerGuard) -> BreakerGuard:
    admitted(guard).failure()
    admitted(guard).failure()
    assert guard.state == "open"
    return guard


def test_it_opens_after_failures_in_a_row(guard: BreakerGuard) -> None:
    """A success between two failures starts the count anew; two in a row open."""
    admitted(guard).failure()
    admitted(guard).success()
    admitted(guard).failure()
    assert guard.state == "closed"
    admitted(guard).failure()
    assert guard.state == "open"
    assert guard.admit() is None


def test_a_client_that_left_is_neutral(guard: BreakerGuard) -> None:
    """`ignored` neither counts as a failure nor ends a run of them."""
    admitted(guard).failure()
    for _ in range(5):
        admitted(guard).ignored()
    assert guard.state == "closed"
    admitted(guard).failure()
    assert guard.state == "open"


def test_after_the_rest_exactly_one_probe(guard: BreakerGuard, clock: FakeClock) -> None:
    """Nobody passes before the reset time; after it one call passes until its result is known."""
    opened(guard)
    clock.now += 9.99
    assert guard.admit() is None
    clock.now += 0.01
    probe = admitted(guard)
    assert guard.state == "half-open"
    assert guard.admit() is None
    probe.success()
    assert guard.state == "closed"
    assert guard.admit()
    assert guard.admit()


def test_a_failed_probe_opens_for_another_whole_rest(guard: BreakerGuard, clock: FakeClock) -> None:
    """The rest is counted from the probe's failure, not from the first opening."""
    opened(guard)
    clock.now += 25
    admitted(guard).failure()
    assert guard.state == "open"
    clock.now += 9.99
    assert guard.admit() is None
    clock.now += 0.01
    assert guard.admit()


def test_a_probe_whose_client_left_frees_its_place(guard: BreakerGuard, clock: FakeClock) -> None:
    """Nothing was learned, so the next caller probes at once."""
    opened(guard)
    clock.now += 10
    admitted(guard).ignored()
    assert guard.state == "half-open"
    assert guard.admit()
    assert guard.admit() is None


def test_a_probe_that_answers_closes_before_its_end(guard: BreakerGuard, clock: FakeClock) -> None:
    """A long answer does not keep everyone else out; if it then fails, that counts as one failure."""
    opened(guard)
    clock.now += 10
    probe = admitted(guard)
    probe.alive()
    assert guard.state == "closed"
    probe.failure()
    assert guard.state == "closed"
    admitted(guard).failure()
    assert guard.state == "open"


def test_late_results_do_not_decide_for_the_probe(guard: BreakerGuard, clock: FakeClock) -> None:
    """Calls from before the breaker opened neither close it, nor reopen it, nor free the probe's place."""
    late = [admitted(guard) for _ in range(3)]
    opened(guard)
    late[0].success()
    assert guard.state == "open"
    clock.now += 10
    probe = admitted(guard)
    late[1].failure()
    late[2].ignored()
    assert guard.state == "half-open"
    assert guard.admit() is None
    probe.success()
    assert guard.state == "closed"


def test_a_permit_reports_once(guard: BreakerGuard) -> None:
    """Only the first report counts."""
    permit = admitted(guard)
    permit.failure()
    permit.failure()
    assert guard.state == "closed"


def test_a_forgotten_permit_is_ignored(guard: BreakerGuard, clock: FakeClock) -> None:
    """Leaving a permit's `with` without a report, even by an error, loses no probe."""
    opened(guard)
    clock.now += 10
    with pytest.raises(RuntimeError), admitted(guard):
        raise RuntimeError
    assert guard.admit()


def test_a_new_policy_counts_at_once(guard: BreakerGuard, clock: FakeClock) -> None:
    """Fewer failures open it, and a shorter rest ends a rest that is under way."""
    guard.reconfigure(failures=1, reset_s=10)
    admitted(guard).failure()
    assert guard.state == "open"
    clock.now += 1
    assert guard.admit() is None
    guard.reconfigure(failures=1, reset_s=1)
    assert guard.admit()
