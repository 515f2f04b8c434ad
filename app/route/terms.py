"""What each tier would cost and can do: the terms on which the router decides."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.budget.sizing import choices, output_cap
from app.config.gateway import TierSpec, capabilities
from app.cost.prices import PriceSheet
from app.domain import RouteDecision, RouteTerms, TierTerms
from app.route.constraints import Constrained

NO_EMBEDDING, EMPTY = "not sure: no embedding", "not sure: empty prompt"

EXPECTED_OUTPUT_TOKENS = 256
"""Of one answer, where the request and the tier allow so many. A round number for a chat answer, not a measurement."""


def route_terms(
    specs: Sequence[TierSpec], found: Constrained, prices: PriceSheet, payload: Mapping[str, Any], input_tokens: int
) -> RouteTerms:
    """The terms of a request of `input_tokens`; `specs` are all tiers."""
    every = tier_terms(specs, prices, payload, input_tokens)
    allowed = {spec.name for spec in found.allowed}
    return RouteTerms(tuple(tier for tier in every if tier.name in allowed), found.excluded, catalog=every)


def best_of(terms: RouteTerms, reason: str) -> RouteDecision:
    """The decision of who does not know: the best allowed tier."""
    return RouteDecision(terms.tiers[-1].name, None, reason, uncertain=True)


def tier_terms(
    specs: Sequence[TierSpec], prices: PriceSheet, payload: Mapping[str, Any], input_tokens: int
) -> tuple[TierTerms, ...]:
    """The terms of `specs`, all tiers from the cheapest to the best, for a request of `input_tokens`."""
    return tuple(
        TierTerms(
            spec.name,
            capability,
            prices.expected(spec, input_tokens, expected_output_tokens(spec, payload, input_tokens)),
            prices.per_million(spec),
        )
        for spec, capability in zip(specs, capabilities(specs), strict=True)
    )


def expected_output_tokens(spec: TierSpec, payload: Mapping[str, Any], input_tokens: int) -> int:
    """Of all choices together."""
    return min(EXPECTED_OUTPUT_TOKENS, output_cap(payload, spec, input_tokens)) * choices(payload)
