"""What a request would have cost where LeanServe had done less: the counterfactual that savings are told against.

All is priced by the request's own price sheet and the tokens that were really used, of a hit by those of the kept
answer. Of each request

- `nothing` is the answer's tokens at the best tier that may serve it: the last one that bounds, rights, abilities and
  context length allow. Who named a tier or a model had chosen: it is that one.
- `cache` is what the request cost where a cache answered it, else `nothing`.
- `routing` is what the request cost, with all retries, drafts and shadow calls; where a limit had a cheaper tier
  answer, the answer is priced at the tier that was decided first instead (at the best one, where a stopped session left
  no choice).

What nobody knows is not claimed: a request that was refused or got no answer is told at what it cost, and an answer
that a limit cut at the tokens that it has. None of the three is forced above the next: routing and caches may lose.
"""

from collections.abc import Sequence

from app.config.gateway import TierSpec
from app.domain import AUTO_MODEL, Usage
from app.errors import LeanServeError
from app.journey import Journey
from app.ledger.record import Against
from app.route.constraints import left, unable


def against_of(journey: Journey, tiers: Sequence[TierSpec], decided: str = "", *, shadow: bool = False) -> Against:
    """The counterfactuals of a journey that is over, in micro-USD. Pure; never raises.

    `tiers` are all tiers, from the cheapest to the best; `decided` is the tier that was decided before any limit
    changed it. Without LeanServe nobody had made a `shadow` call: it is a cost of routing.
    """
    actual, usage = int(journey.cost), _used(journey)
    if shadow:
        return Against(0, 0, actual)
    best = _best(journey, tiers, usage)
    if best is None or not usage.output_tokens:
        return Against(actual, actual, actual)
    nothing = int(journey.prices.at_tier(best, usage))
    if journey.hit:
        return Against(nothing, actual, actual)
    return Against(nothing, nothing, actual + _spared(journey, tiers, best, decided))


def _used(journey: Journey) -> Usage:
    """Of the answer that was given."""
    if journey.hit:
        return journey.hit.usage
    return journey.answering.usage if journey.answering else Usage()


def _best(journey: Journey, tiers: Sequence[TierSpec], usage: Usage) -> TierSpec | None:
    """The tier that serves where nothing routes; None where none of `tiers` does (embeddings)."""
    request = journey.request
    if request.model != AUTO_MODEL:
        decided = journey.decision.tier if journey.decision else ""
        names = {decided} if decided else {request.model}
        return next((tier for tier in tiers if names & {tier.name, tier.model, *tier.adapters}), None)
    try:
        able = left(tiers, unable(tiers, request, journey.policy.routing, usage.input_tokens))
    except LeanServeError:  # it was refused
        return None
    return able[-1]


def _spared(journey: Journey, tiers: Sequence[TierSpec], best: TierSpec, decided: str) -> int:
    """By how much the answer was cheaper for a limit that chose its tier."""
    given = journey.answering
    if given is None or not (journey.lesser or journey.downgrade):
        return 0
    first = best if journey.downgrade else next((tier for tier in tiers if tier.name == decided), best)
    return int(journey.prices.at_tier(first, given.usage)) - int(given.cost)
