"""From policy to the limits that bind one caller, and to the scopes that a caller spends in."""

from collections.abc import Iterable

from app.config.budgets import BudgetRule
from app.domain import Caller, Limit, Period, Scope, ScopeKind, Unit, Window


def limits_for(caller: Caller, rules: Iterable[BudgetRule]) -> list[Limit]:
    """Every limit that `caller` must fit in, in the order of the rules.

    All rules that match apply: an exact name does not lift what `*` says. Where two rules limit the same scope, unit
    and window, there is one counter and the smaller amount. A request that names no feature is the feature "": leaving
    a header off does not step around a limit on `*`.
    """
    found = (
        Limit(scope, unit, amount, _window(rule, unit), rule.on_limit, rule.warn_at)
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


def scopes_of(caller: Caller) -> list[Scope]:
    """Where a stop binds `caller`: its tenant, all it names of it, the sessions above, and its user of its feature."""
    parts: list[tuple[ScopeKind, str]] = [
        ("team", caller.team),
        ("feature", caller.feature),
        ("user", caller.user),
        ("session", caller.session),
        ("key", caller.key),
        *(("session", name) for name in caller.above),
    ]
    named = [(part,) for part in parts if part[1]]
    both: list[tuple[tuple[ScopeKind, str], ...]] = [*named, (parts[1], parts[2])]
    return [Scope(caller.tenant), *(Scope(caller.tenant, each) for each in both)]


def _window(rule: BudgetRule, unit: Unit) -> Window:
    """What is under way is counted as long as it is."""
    return Window(Period.TOTAL) if unit is Unit.CONCURRENT else rule.counted


def _scope_of(caller: Caller, rule: BudgetRule) -> Scope | None:
    """A session that is not named has no counter: it is no session."""
    if rule.tenant not in {"*", caller.tenant}:
        return None
    parts: list[tuple[ScopeKind, str]] = []
    for kind, pattern in rule.pattern:
        name = _key(caller, pattern) if kind == "key" else getattr(caller, kind)
        if pattern not in {"*", name} or (kind == "session" and not name):
            return None
        parts.append((kind, name))
    return Scope(caller.tenant, tuple(parts))


def _key(caller: Caller, pattern: str) -> str:
    """Which of its keys a rule means: one that was rotated is limited on, and begins no counter of its own."""
    if pattern == "*":
        return next(iter(caller.former), caller.key)
    return pattern if pattern in caller.former else caller.key
