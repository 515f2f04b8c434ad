"""What is told of limits without asking the ledger."""

from app.budget.balances import CALLERS, Balances
from app.domain import Caller, Limit, Remaining, Scope, Unit

LEFT = (Remaining(Limit(Scope("acme"), Unit.TOKENS, 50), 20, None),)


def test_a_balance_is_fresh_then_old_then_unknown() -> None:
    """A second, ten seconds."""
    now = [0.0]
    balances = Balances(lambda: now[0])
    assert balances.of(Caller("acme")) is None
    balances.note(Caller("acme"), LEFT)
    now[0] = 1.0
    assert balances.fresh(Caller("acme"))
    now[0] = 9.0
    assert not balances.fresh(Caller("acme"))
    assert balances.of(Caller("acme")) == LEFT
    now[0] = 10.1
    assert balances.of(Caller("acme")) is None


def test_another_caller_is_told_nothing_of_it() -> None:
    """Not even another user of the same feature."""
    balances = Balances(lambda: 0.0)
    balances.note(Caller("acme", user="ann"), LEFT)
    assert balances.of(Caller("acme", user="bob")) is None


def test_a_million_users_do_not_fill_the_memory() -> None:
    """The last heard stay."""
    balances = Balances(lambda: 0.0)
    for number in range(CALLERS + 1):
        balances.note(Caller("acme", user=str(number)), LEFT)
    assert balances.of(Caller("acme", user="0")) is None
    assert balances.of(Caller("acme", user=str(CALLERS))) == LEFT
