"""The limits of a caller, kept while the rules are the same."""

from decimal import Decimal

from app.budget.limits import limits_for
from app.budget.remembered import MOST_CALLERS, RememberedLimits
from app.config.budgets import BudgetRule
from app.domain import Caller

ANN, BOB = Caller("acme", user="ann"), Caller("acme", user="bob")
POLICY = (BudgetRule(tokens=100), BudgetRule(user="*", tokens=10))
STORED = (BudgetRule(tenant="acme", usd=Decimal(1)),)


def test_they_are_those_of_the_rules_and_each_callers_own() -> None:
    """As `limits_for` has them; a second look is no second search."""
    limits = RememberedLimits()
    for caller in (ANN, BOB):
        found = limits.of(caller, POLICY, STORED)
        assert found == limits_for(caller, (*POLICY, *STORED))
        assert limits.of(caller, POLICY, (*STORED,)) is found


def test_a_change_of_any_rule_is_seen_at_once() -> None:
    """Of the policy, of what is stored, one more or one less."""
    limits = RememberedLimits()
    limits.of(ANN, POLICY, STORED)
    for policy, stored in (
        ((BudgetRule(tokens=99), POLICY[1]), STORED),
        (POLICY, (BudgetRule(tenant="acme", usd=Decimal(2)),)),
        (POLICY, ()),
        (POLICY[:1], STORED),
        (POLICY, (*STORED, BudgetRule(tenant="acme", requests=5))),
    ):
        assert limits.of(ANN, policy, stored) == limits_for(ANN, (*policy, *stored))


def test_callers_without_number_take_bounded_room() -> None:
    """Names are the clients' to choose."""
    limits = RememberedLimits()
    for number in range(3 * MOST_CALLERS):
        limits.of(Caller("acme", user=str(number)), POLICY, STORED)
    assert len(limits._known) <= MOST_CALLERS
