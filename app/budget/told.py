"""What is said of limits and scopes, to admins."""

from typing import Any

from app.budget.desk import ScopeState
from app.budget.ledger import Booked
from app.config.budgets import BudgetRule
from app.domain import MicroUsd, Remaining, Unit
from app.observe.logline import dollars


def ruled(rule: BudgetRule) -> dict[str, Any]:
    """What a rule says, without what it leaves open."""
    return {name: value for name, value in rule.model_dump(mode="json").items() if value is not None}


def told(state: ScopeState) -> dict[str, Any]:
    """A scope; amounts of `micro_usd` stand beside their dollars."""
    return {
        "object": "scope",
        "scope": str(state.scope),
        "stopped": state.stopped is not None,
        "reason": state.stopped,
        "limits": [limited(*each) for each in state.standings],
    }


def limited(booked: Booked, left: Remaining) -> dict[str, Any]:
    """One limit and where it stands."""
    limit = booked.limit
    found: dict[str, Any] = {
        "scope": str(limit.scope),
        "unit": limit.unit,
        "amount": limit.amount,
        "window": None if limit.unit is Unit.CONCURRENT else str(limit.window),
        "on_limit": limit.action,
        "spent": booked.spent,
        "held": booked.held,
        "remaining": left.amount,
        "resets_in_s": left.resets_in_s,
    }
    return found | ({"remaining_usd": dollars(MicroUsd(left.amount))} if limit.unit is Unit.MICRO_USD else {})
