"""Admission: a grant, or the refusal that the client is told."""

from collections.abc import Sequence

from app.domain import BudgetExceeded, Caller, Limit, MicroUsd, Reservation
from app.errors import BudgetRefused
from app.ports import BudgetLedger


async def admit(
    ledger: BudgetLedger, request_id: str, caller: Caller, limits: Sequence[Limit], tokens: int, cost: MicroUsd
) -> Reservation:
    """Hold `tokens` and `cost` in all `limits`. Raises `BudgetRefused`, or `StoreUnavailable` when nobody can tell."""
    granted = await ledger.reserve(request_id, caller.tenant, limits, tokens, cost)
    if isinstance(granted, BudgetExceeded):
        raise BudgetRefused(granted)
    return granted
