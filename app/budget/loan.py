"""What the engine of an account's present attempt is lent, and what it says that it made of it."""

from app.budget.claim import Claim
from app.budget.closing import made_of
from app.budget.holding import Holder
from app.domain import Grant
from app.ports import BudgetLedger


class Loan:
    """One account's, of one attempt after the other. `is_fused`: the end of what is granted may end the answer."""

    def __init__(self, ledger: BudgetLedger, holder: Holder, claim: Claim) -> None:
        self.is_fused = self.is_heard = False
        self._ledger, self._holder, self._claim = ledger, holder, claim
        self._attempts = 0

    def lend(self, *, fused: bool) -> Grant | None:
        """For the next attempt, whose engine says what it made if `fused`; None where its own maximum alone binds."""
        claim, need = self._claim, self._claim.need
        held, final = claim.reservation, need.whole or claim.granted >= need.output_tokens
        self._attempts += 1
        self.is_fused = held is not None and bool(held.booked) and not final
        self.is_heard = fused and not need.whole
        if held is None or not held.booked or need.whole:
            return None
        told = claim.base.output_tokens, claim.granted, need.output_tokens, need.choices, self._attempts
        return Grant(held.id, held.tenant, *told, self._holder.patience_s)

    async def made(self, *, soon: bool = False) -> int | None:
        """Output tokens that the engine of the present attempt, which was cut off, says it made; None: it does not."""
        held = self._claim.reservation
        return await made_of(self._ledger, held, self._attempts, soon=soon) if self.is_heard else None

    async def ended(self, seen: int | None) -> None:
        """The present attempt is over, and others make the answer.

        What its engine made beyond the `seen` output tokens of its record is owed, if need be all that was granted;
        None: the record is final.
        """
        if seen is not None and self.is_heard:
            made = await self.made()
            self._claim.owe(seen, self._claim.granted if made is None else made)
        self.is_heard = False
