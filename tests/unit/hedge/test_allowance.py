"""How many hedges a replica may make."""

from app.hedge.allowance import MOST_SAVED, Allowance


def test_one_hedge_is_there_from_the_start() -> None:
    """A first slow request need not wait for twenty others."""
    allowance = Allowance()
    assert [allowance.take(), allowance.take()] == [True, False]


def test_each_request_earns_its_share() -> None:
    """One of four requests may be hedged."""
    allowance, made = Allowance(), 0
    for _ in range(100):
        allowance.earn(0.25)
        made += allowance.take()
    assert made == 26


def test_a_quiet_time_saves_up_only_so_many() -> None:
    """Else the first slow minute after a quiet night would be answered by twice the load."""
    allowance = Allowance()
    for _ in range(1000):
        allowance.earn(1.0)
    assert sum(allowance.take() for _ in range(1000)) == MOST_SAVED
