"""The limits of a caller, looked up once for each set of rules: with hundreds of them that is work of every request."""

from collections.abc import Sequence
from operator import is_

from app.budget.limits import limits_for
from app.config.budgets import BudgetRule
from app.domain import Caller, Limit

MOST_CALLERS = 1_024
"""A few kilobytes each."""


class RememberedLimits:
    """`limits_for`, by caller, as long as the rules are the very same objects. What it gives is not to be changed."""

    def __init__(self) -> None:
        self._known: dict[Caller, tuple[Sequence[BudgetRule], Sequence[BudgetRule], list[Limit]]] = {}

    def of(self, caller: Caller, policy: Sequence[BudgetRule], stored: Sequence[BudgetRule]) -> list[Limit]:
        """The limits of the policy's rules and the stored ones."""
        known = self._known.get(caller)
        if known and _same(known[0], policy) and _same(known[1], stored):
            return known[2]
        if len(self._known) >= MOST_CALLERS:
            self._known.clear()
        found = limits_for(caller, (*policy, *stored))
        self._known[caller] = policy, stored, found
        return found


def _same(before: Sequence[BudgetRule], now: Sequence[BudgetRule]) -> bool:
    """By identity: to compare rules would take longer than to look the limits up."""
    return before is now or (len(before) == len(now) and all(map(is_, before, now)))
