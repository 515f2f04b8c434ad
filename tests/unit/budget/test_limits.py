"""Which limits bind a caller, and where a stop does."""

from decimal import Decimal

import pytest

from app.budget.limits import limits_for, scopes_of
from app.config.budgets import BudgetRule
from app.domain import Caller, Limit, LimitAction, Period, Scope, Unit, Window

CALLER = Caller("acme", team="web", feature="chat", user="ann", session="s1", key="k1")
TENANT = Scope("acme")
FEATURE = Scope("acme", (("feature", "chat"),))


def limit(scope: Scope, amount: int = 5, unit: Unit = Unit.TOKENS, window: Window = Window()) -> Limit:  # noqa: B008
    """As a rule that says no more makes it."""
    return Limit(scope, unit, amount, window, marks=(50, 80, 95))


@pytest.mark.parametrize(
    ("rule", "scope"),
    [
        (BudgetRule(tokens=5), TENANT),
        (BudgetRule(tenant="acme", tokens=5), TENANT),
        (BudgetRule(tenant="other", tokens=5), None),
        (BudgetRule(feature="*", tokens=5), FEATURE),
        (BudgetRule(feature="chat", tokens=5), FEATURE),
        (BudgetRule(feature="cha", tokens=5), None),
        (BudgetRule(feature="chat", tenant="other", tokens=5), None),
        (BudgetRule(feature="chat", tenant="acme", tokens=5), FEATURE),
        (BudgetRule(team="*", tokens=5), Scope("acme", (("team", "web"),))),
        (BudgetRule(session="*", tokens=5), Scope("acme", (("session", "s1"),))),
        (BudgetRule(key="k1", tokens=5), Scope("acme", (("key", "k1"),))),
        (BudgetRule(key="k2", tokens=5), None),
        (BudgetRule(user="*", feature="chat", tokens=5), Scope("acme", (("feature", "chat"), ("user", "ann")))),
        (BudgetRule(user="bob", feature="chat", tokens=5), None),
    ],
)
def test_a_rule_matches_by_exact_name_or_star(rule: BudgetRule, scope: Scope | None) -> None:
    """Patterns are `*` or a whole name, for the tenant and for each name; all that are given must match."""
    assert limits_for(CALLER, (rule,)) == ([limit(scope)] if scope else [])


@pytest.mark.parametrize(("pattern", "counter"), [("k1", "k1"), ("k2", "k2"), ("k3", "k3"), ("*", "k1"), ("k4", None)])
def test_a_rotated_key_stays_under_its_limits(pattern: str, counter: str | None) -> None:
    """Whichever of the line a rule names, it goes on counting; `*` counts the whole line as one."""
    caller = Caller("acme", key="k3", former=("k1", "k2"))
    scopes = [found.scope for found in limits_for(caller, (BudgetRule(key=pattern, tokens=5),))]
    assert scopes == ([Scope("acme", (("key", counter),))] if counter else [])


def test_a_stop_of_a_replaced_key_is_its_own() -> None:
    """It leaked and was replaced at once: whoever has the new one goes on."""
    assert Scope("acme", (("key", "k1"),)) not in scopes_of(Caller("acme", key="k2", former=("k1",)))


def test_all_rules_that_match_apply() -> None:
    """An exact name adds to what `*` says; it does not lift it."""
    rules = (
        BudgetRule(feature="*", tokens=100, window=Period.DAY),
        BudgetRule(feature="chat", usd=Decimal("0.0000019"), window=Period.MONTH, timezone="Asia/Tokyo"),
    )
    assert limits_for(CALLER, rules) == [
        limit(FEATURE, 100),
        limit(FEATURE, 1, Unit.MICRO_USD, Window(Period.MONTH, zone="Asia/Tokyo")),
    ]


def test_each_unit_of_a_rule_is_a_limit_of_its_own() -> None:
    """Who is under way is counted as long as it is, whatever the window of the rest."""
    rule = BudgetRule(
        input_tokens=1, output_tokens=2, tokens=3, usd=Decimal(4), requests=5, concurrent=6, window=Period.HOUR
    )
    found = {each.unit: (each.amount, each.window.period) for each in limits_for(CALLER, (rule,))}
    hour = Period.HOUR
    assert found == {
        Unit.INPUT_TOKENS: (1, hour),
        Unit.OUTPUT_TOKENS: (2, hour),
        Unit.TOKENS: (3, hour),
        Unit.MICRO_USD: (4_000_000, hour),
        Unit.REQUESTS: (5, hour),
        Unit.CONCURRENT: (6, Period.TOTAL),
    }


@pytest.mark.parametrize("amounts", [(7, 5), (5, 7)])
def test_one_counter_has_the_smaller_amount(amounts: tuple[int, int]) -> None:
    """Two rules on one scope, unit and window are one limit; other windows are other counters."""
    rules = tuple(BudgetRule(tokens=amount) for amount in amounts)
    assert limits_for(CALLER, rules) == [limit(TENANT)]
    sliding = BudgetRule(tokens=9, sliding=True, timezone="Asia/Tokyo")  # the last day is the same everywhere
    assert limits_for(CALLER, (*rules, sliding))[1:] == [limit(TENANT, 9, window=Window(Period.DAY, sliding=True))]


def test_what_becomes_of_who_wants_more_goes_with_the_limit() -> None:
    """As do the marks."""
    [found] = limits_for(CALLER, (BudgetRule(tokens=5, on_limit=LimitAction.THROTTLE, warn_at=(90, 10, 90)),))
    assert (found.action, found.marks) == (LimitAction.THROTTLE, (10, 90))


def test_no_feature_is_a_feature_of_its_own() -> None:
    """Leaving the header off does not step around a limit on every feature."""
    limits = limits_for(Caller("acme"), (BudgetRule(feature="*", tokens=5),))
    assert limits == [limit(Scope("acme", (("feature", ""),)))]


def test_no_session_is_no_session() -> None:
    """What belongs to none has no counter of sessions."""
    assert limits_for(Caller("acme"), (BudgetRule(session="*", tokens=5),)) == []


def test_a_stop_binds_wherever_the_caller_is_named() -> None:
    """Its tenant, each of its names, and its user of its feature; what it does not name stops nobody."""
    assert list(map(str, scopes_of(CALLER))) == [
        "tenant=acme",
        "tenant=acme,team=web",
        "tenant=acme,feature=chat",
        "tenant=acme,user=ann",
        "tenant=acme,session=s1",
        "tenant=acme,key=k1",
        "tenant=acme,feature=chat,user=ann",
    ]
    assert Scope("acme", (("user", ""),)) not in scopes_of(Caller("acme"))
