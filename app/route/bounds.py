"""Floor and ceiling of a request: the operator's by policy, the client's by header. The stricter one counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.config.routing import RoutingPolicy
from app.domain import GatewayRequest
from app.errors import InvalidRequest

MIN_TIER, MAX_TIER = "x-leanserve-min-tier", "x-leanserve-max-tier"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Places among the tiers, the cheapest is 0, and who set each."""

    floor: int
    ceiling: int
    floor_by: str
    ceiling_by: str

    def excludes(self, place: int) -> str:
        """Why the tier at `place` may not serve, or nothing."""
        if place < self.floor:
            return self.floor_by
        return self.ceiling_by if place > self.ceiling else ""


def bounds_of(request: GatewayRequest, policy: RoutingPolicy, names: Sequence[str]) -> Bounds:
    """The bounds of `request` among the tiers `names`, from the cheapest to the best.

    Raises `InvalidRequest` for a header that names no tier, and for one that leaves nothing together with the other
    header or with the operator's bounds: a client may be stricter than those, never laxer.
    """
    floor = place_of(policy.min_tier or names[0], names, "routing.min_tier")
    ceiling = place_of(policy.max_tier or names[-1], names, "routing.max_tier")
    asked_floor = place_of(request.min_tier or names[0], names, MIN_TIER)
    asked_ceiling = place_of(request.max_tier or names[-1], names, MAX_TIER)
    if asked_floor > asked_ceiling:
        raise InvalidRequest(f"{MIN_TIER} and {MAX_TIER} contradict each other", MIN_TIER)
    if asked_floor > ceiling:
        raise InvalidRequest(f"{MIN_TIER}: the policy allows no tier above {names[ceiling]}", MIN_TIER)
    if asked_ceiling < floor:
        raise InvalidRequest(f"{MAX_TIER}: the policy allows no tier below {names[floor]}", MAX_TIER)
    return Bounds(
        max(floor, asked_floor),
        min(ceiling, asked_ceiling),
        MIN_TIER if asked_floor > floor else "floor",
        MAX_TIER if asked_ceiling < ceiling else "ceiling",
    )


def place_of(name: str, names: Sequence[str], where: str) -> int:
    """The place of a tier. Raises `InvalidRequest`, naming the header."""
    if name not in names:
        raise InvalidRequest(f"{where}: no tier is called {name[:40]!r}; there are {', '.join(names)}", where)
    return names.index(name)
