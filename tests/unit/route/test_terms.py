"""The terms of a request."""

from app.config.routing import RoutingPolicy
from app.route.constraints import Situation, constrain
from app.route.terms import route_terms
from tests.unit.route.made import TIERS, request, sheet, specs


def test_the_catalog_is_told_only_where_a_tier_may_not_serve() -> None:
    """All tiers are known either way."""
    for asked, allowed, catalog in ((request(), TIERS, ()), (request(min_tier="medium"), TIERS[1:], TIERS)):
        found = constrain(specs(), asked, RoutingPolicy(), sheet(), 10, Situation())
        terms = route_terms(specs(), found, sheet(), asked, 10)
        assert tuple(tier.name for tier in terms.tiers) == allowed
        assert tuple(tier.name for tier in terms.catalog) == catalog
        assert tuple(tier.name for tier in terms.everything) == TIERS
