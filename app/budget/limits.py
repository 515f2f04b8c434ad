"""From policy to the limits that bind one caller."""

from collections.abc import Iterable

from app.config.policy import BudgetRule
from app.domain import Caller, Limit, Scope

LARGEST = 2**53 - 1
"""Lua counts in doubles: whole numbers are exact up to here (nine billion dollars)."""


def limits_for(caller: Caller, rules: Iterable[BudgetRule]) -> list[Limit]:
    """Every limit that `caller` must fit in, in the order of the rules.

    All rules that match apply: an exact name does not lift what `*` says. Where two rules limit the same scope, unit
    and window, there is one counter and the smaller amount. A request that names no feature is the feature "": leaving
    a header off does not step around a limit on `*`.
    """
    found = (
        Limit(scope, unit, amount, rule.window)
        for rule in rules
        if (scope := _scope_of(caller, rule))
        for unit, amount in rule.amounts()
    )
    return smallest(found)


def smallest(limits: Iterable[Limit]) -> list[Limit]:
    """One limit for each counter, the tightest; the order of first appearance stays."""
    tightest: dict[tuple[object, ...], Limit] = {}
    for limit in limits:
        counter = (limit.scope, limit.unit, limit.window)
        known = tightest.get(counter)
        if known is None or limit.amount < known.amount:
            tightest[counter] = limit
    return list(tightest.values())


def _scope_of(caller: Caller, rule: BudgetRule) -> Scope | None:
    name = caller.tenant if rule.scope == "tenant" else caller.feature
    if rule.tenant in {"*", caller.tenant} and rule.name in {"*", name}:
        return Scope(caller.tenant, rule.scope, name)
    return None
