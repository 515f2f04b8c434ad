from decimal import Decimal

import pytest

from app.budget.limits import limits_for
from app.config.policy import BudgetRule
from app.domain import Caller, Limit, Scope, Unit, Window

CALLER = Caller("acme", feature="chat")
TENANT = Scope("acme", "tenant", "acme")
FEATURE = Scope("acme", "feature", "chat")


@pytest.mark.parametrize(
    ("rule", "scope"),
    [
        (BudgetRule(scope="tenant", tokens=5), TENANT),
        (BudgetRule(scope="tenant", name="acme", tokens=5), TENANT),
        (BudgetRule(scope="tenant", name="other", tokens=5), None),
        (BudgetRule(scope="feature", tokens=5), FEATURE),
        (BudgetRule(scope="feature", name="chat", tokens=5), FEATURE),
        (BudgetRule(scope="feature", name="cha", tokens=5), None),
        (BudgetRule(scope="feature", name="chat", tenant="other", tokens=5), None),
        (BudgetRule(scope="feature", name="chat", tenant="acme", tokens=5), FEATURE),
    ],
)
def test_a_rule_matches_by_exact_name_or_star(rule: BudgetRule, scope: Scope | None) -> None:
    """Patterns are `*` or a whole name, for the tenant and for the name."""
    expected = [Limit(scope, Unit.TOKENS, 5, Window.DAY)] if scope else []
    assert limits_for(CALLER, (rule,)) == expected


def test_all_rules_that_match_apply() -> None:
    """An exact name adds to what `*` says; it does not lift it."""
    rules = (
        BudgetRule(scope="feature", tokens=100, window=Window.DAY),
        BudgetRule(scope="feature", name="chat", usd=Decimal("0.0000019"), window=Window.MONTH),
    )
    assert limits_for(CALLER, rules) == [
        Limit(FEATURE, Unit.TOKENS, 100, Window.DAY),
        Limit(FEATURE, Unit.MICRO_USD, 1, Window.MONTH),
    ]


@pytest.mark.parametrize("amounts", [(7, 5), (5, 7)])
def test_one_counter_has_the_smaller_amount(amounts: tuple[int, int]) -> None:
    """Two rules on one scope, unit and window are one limit."""
    rules = tuple(BudgetRule(scope="tenant", tokens=amount) for amount in amounts)
    assert limits_for(CALLER, rules) == [Limit(TENANT, Unit.TOKENS, 5, Window.DAY)]


def test_no_feature_is_a_feature_of_its_own() -> None:
    """Leaving the header off does not step around a limit on every feature."""
    limits = limits_for(Caller("acme"), (BudgetRule(scope="feature", tokens=5),))
    assert limits == [Limit(Scope("acme", "feature", ""), Unit.TOKENS, 5, Window.DAY)]
