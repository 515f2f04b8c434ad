"""Admission: a grant, or the refusal that the client is told."""

from collections.abc import Sequence

from app.domain import Amounts, Caller, Limit, Reservation
from app.errors import refused
from app.ports import BudgetLedger


async def admit(
    ledger: BudgetLedger, request_id: str, caller: Caller, limits: Sequence[Limit], amounts: Amounts
) -> Reservation:
    """Hold `amounts` in all `limits`. Raises as `refused`, or `StoreUnavailable` when nobody can tell."""
    granted = await ledger.reserve(request_id, caller, limits, amounts)
    if not isinstance(granted, Reservation):
        raise refused(granted)
    return granted
