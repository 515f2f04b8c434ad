"""What each tier would cost and can do: the terms on which the router decides."""

from collections.abc import Sequence

from app.budget.sizing import choices, output_cap
from app.config.gateway import TierSpec, capabilities
from app.cost.prices import PriceSheet
from app.domain import GatewayRequest, RouteDecision, RouteTerms, TierTerms
from app.route.constraints import Constrained

NO_EMBEDDING, EMPTY = "not sure: no embedding", "not sure: empty prompt"

EXPECTED_OUTPUT_TOKENS = 256
"""Of one answer, where the request and the tier allow so many. A round number for a chat answer, not a measurement."""


def route_terms(
    specs: Sequence[TierSpec], found: Constrained, prices: PriceSheet, request: GatewayRequest, input_tokens: int
) -> RouteTerms:
    """The terms of a request of `input_tokens`; `specs` are all tiers."""
    every = tier_terms(specs, prices, request, input_tokens)
    allowed = {spec.name for spec in found.allowed}
    tiers = tuple(tier for tier in every if tier.name in allowed)
    return RouteTerms(tiers, found.excluded, catalog=every if len(tiers) < len(every) else ())


def best_of(terms: RouteTerms, reason: str) -> RouteDecision:
    """The decision of who does not know: the best allowed tier."""
    return RouteDecision(terms.tiers[-1].name, None, reason, uncertain=True)


def tier_terms(
    specs: Sequence[TierSpec], prices: PriceSheet, request: GatewayRequest, input_tokens: int
) -> tuple[TierTerms, ...]:
    """The terms of `specs`, all tiers from the cheapest to the best, for a request of `input_tokens`."""
    return tuple(
        TierTerms(
            spec.name,
            capability,
            prices.expected(spec, input_tokens, expected_output_tokens(spec, request, input_tokens)),
            prices.per_million(spec),
        )
        for spec, capability in zip(specs, capabilities(specs), strict=True)
    )


def expected_output_tokens(spec: TierSpec, request: GatewayRequest, input_tokens: int) -> int:
    """Of all choices together."""
    return min(EXPECTED_OUTPUT_TOKENS, output_cap(request, spec, input_tokens)) * choices(request.payload)
