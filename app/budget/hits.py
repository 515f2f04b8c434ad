"""What a hit of the cache costs, where the policy prices it."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from app.budget.admit import admit
from app.domain import Amounts, CacheHit, Caller, Limit, MicroUsd
from app.domain.request_id import hit_id
from app.journey import Journey
from app.ports import BudgetLedger


def price_of(hit: CacheHit, share: float) -> Amounts:
    """`share` (0-1) of what the answer cost at first, tokens and micro-USD rounded up: one request."""
    part, usage = Fraction(str(share)), hit.usage

    def of(amount: int) -> int:
        return -int(-amount * part // 1)

    return Amounts(of(usage.input_tokens), of(usage.output_tokens), MicroUsd(of(hit.cost)), 1, 1)


async def pay_hit(
    ledger: BudgetLedger, journey: Journey, caller: Caller, hit: CacheHit, limits: Sequence[Limit]
) -> Amounts:
    """Book a hit's price in all limits. Raises as `admit`: a hit that is not paid is not given.

    A request that made attempts before a limit left it the hit alone is counted by its account already.
    """
    price = price_of(hit, journey.policy.spending.cache_hits)
    if journey.attempts:
        price = replace(price, requests=0)
    granted = await admit(ledger, hit_id(journey.request.id), caller, limits, price)
    spent = replace(price, concurrent=0)
    await ledger.settle(granted, spent)
    return spent
