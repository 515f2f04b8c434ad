"""Hard constraints: which tiers may serve a request at all, whatever the head thinks of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.budget.sizing import asked_output_tokens, choices, output_cap
from app.config.gateway import TierSpec
from app.config.routing import RoutingPolicy
from app.cost.prices import PriceSheet
from app.domain import GatewayRequest, MicroUsd
from app.errors import NoTier
from app.prompt.tokens import least_input_tokens
from app.route.bounds import Bounds, bounds_of
from app.route.needs import needs_of

CONTEXT, BUDGET, SESSION, KEY = "context length", "budget left", "session", "key"


@dataclass(frozen=True, slots=True)
class Situation:
    """What was looked up for a request: its session's tier, or empty; what is left in its limits, None for no limit."""

    session_tier: str = ""
    budget_left: MicroUsd | None = None


@dataclass(frozen=True, slots=True)
class Constrained:
    """The tiers that may serve, from the cheapest to the best, and of each other one the constraint that it fails."""

    allowed: tuple[TierSpec, ...]
    excluded: Mapping[str, str]


def constrain(
    specs: Sequence[TierSpec],
    request: GatewayRequest,
    policy: RoutingPolicy,
    prices: PriceSheet,
    input_tokens: int,
    situation: Situation,
) -> Constrained:
    """Of all tiers, those that may serve a request for `auto`. Raises `NoTier`, and as `bounds_of` does.

    Two constraints only narrow what the others leave: of too dear tiers the cheapest stays, so that the budget itself
    refuses it; a session that may not stay on its tier goes on with the best one left.
    """
    excluded = unable(specs, request, policy, input_tokens)
    excluded |= too_dear(left(specs, excluded), request, prices, input_tokens, situation.budget_left)
    excluded |= before_session(left(specs, excluded), specs, situation.session_tier if policy.sticky else "")
    return Constrained(tuple(left(specs, excluded)), excluded)


def unable(
    specs: Sequence[TierSpec], request: GatewayRequest, policy: RoutingPolicy, input_tokens: int
) -> dict[str, str]:
    """The tiers that may not or cannot serve a request for `auto`, whatever is left of any budget, and why.

    Raises `NoTier` where that is all of them, and as `bounds_of` does.
    """
    excluded = within_bounds(specs, bounds_of(request, policy, [spec.name for spec in specs]))
    excluded |= forbidden(specs, request.tiers)
    excluded |= lacking(left(specs, excluded), request.payload)
    excluded |= too_small(left(specs, excluded), request, input_tokens)
    if not left(specs, excluded):
        raise no_tier(specs, excluded)
    return excluded


def constrain_named(
    specs: Sequence[TierSpec], named: Sequence[str], request: GatewayRequest, policy: RoutingPolicy, input_tokens: int
) -> Constrained:
    """Of the tiers that the client asked for by name, those that can serve. Raises `NoTier`.

    Who names a tier or a model wants that one: neither price nor session counts, and the context's length only where it
    is certainly exceeded.
    """
    excluded = within_bounds(specs, bounds_of(request, policy, [spec.name for spec in specs]))
    excluded |= forbidden(specs, request.tiers)
    excluded |= lacking(left(specs, excluded), request.payload)
    excluded |= dict.fromkeys(surely_too_small(left(specs, excluded), request.payload, input_tokens), CONTEXT)
    chosen = [spec for spec in specs if spec.name in named]
    if not left(chosen, excluded):
        raise no_tier(chosen, excluded)
    return Constrained(tuple(left(chosen, excluded)), excluded)


def left(specs: Sequence[TierSpec], excluded: Mapping[str, str]) -> list[TierSpec]:
    """Those that nothing excluded so far."""
    return [spec for spec in specs if spec.name not in excluded]


def no_tier(specs: Sequence[TierSpec], excluded: Mapping[str, str]) -> NoTier:
    """The error, with the constraint of each tier."""
    why = "; ".join(f"{spec.name}: {excluded[spec.name]}" for spec in specs)
    return NoTier(f"no tier can serve this request ({why})")


def within_bounds(specs: Sequence[TierSpec], bounds: Bounds) -> dict[str, str]:
    """What lies below the floor or above the ceiling."""
    reasons = {spec.name: bounds.excludes(place) for place, spec in enumerate(specs)}
    return {name: reason for name, reason in reasons.items() if reason}


def forbidden(specs: Sequence[TierSpec], tiers: Sequence[str] | None) -> dict[str, str]:
    """What the request's key has no right to; `tiers` are those that it has, None for all."""
    return {} if tiers is None else {spec.name: KEY for spec in specs if spec.name not in tiers}


def lacking(specs: Sequence[TierSpec], payload: Mapping[str, Any]) -> dict[str, str]:
    """What cannot do all that the request needs, with the first thing that it cannot."""
    needs = needs_of(payload)
    missing = {spec.name: [need for need in needs if need not in spec.supports] for spec in specs}
    return {name: found[0].replace("_", " ") for name, found in missing.items() if found}


def too_small(specs: Sequence[TierSpec], request: GatewayRequest, input_tokens: int) -> dict[str, str]:
    """Contexts that do not hold input and output, by the estimate, which leans upwards.

    Where no tier's does, that of the longest context stays, unless it is surely exceeded: the engine counts exactly.
    """
    asked = asked_output_tokens(request)
    small = {spec.name for spec in specs if input_tokens + (asked or spec.max_output_tokens) > spec.context_tokens}
    if len(small) == len(specs):
        longest = max((spec.context_tokens for spec in specs), default=0)
        shorter = {spec.name for spec in specs if spec.context_tokens < longest}
        small = shorter | surely_too_small(specs, request.payload, input_tokens)
    return {spec.name: CONTEXT for spec in specs if spec.name in small}


def surely_too_small(specs: Sequence[TierSpec], payload: Mapping[str, Any], input_tokens: int) -> set[str]:
    """The names of those whose context the input alone exceeds, by any tokenizer.

    The texts are weighed again, once for all tiers, only where the estimate of `input_tokens` leaves a doubt.
    """
    doubtful = [spec for spec in specs if input_tokens >= spec.context_tokens]
    least = least_input_tokens(payload) if doubtful else 0
    return {spec.name for spec in doubtful if least >= spec.context_tokens}


def too_dear(
    specs: Sequence[TierSpec],
    request: GatewayRequest,
    prices: PriceSheet,
    input_tokens: int,
    budget_left: MicroUsd | None,
) -> dict[str, str]:
    """Tiers whose worst case does not fit into what is left. The first one stays.

    A tier may stand in for a cheaper one, and then produces as much as that was allowed to: the largest output of all
    up to it is its worst case.
    """
    if budget_left is None:
        return {}
    outputs = [output_cap(request, spec, input_tokens) * choices(request.payload) for spec in specs]
    worst = [prices.worst_case([spec], input_tokens, max(outputs[: at + 1])) for at, spec in enumerate(specs)]
    return {spec.name: BUDGET for spec, cost in list(zip(specs, worst, strict=True))[1:] if cost > budget_left}


def before_session(specs: Sequence[TierSpec], order: Sequence[TierSpec], session_tier: str) -> dict[str, str]:
    """What is cheaper than the tier that the session is on; the best one stays in any case."""
    names = [spec.name for spec in order]
    if session_tier not in names:
        return {}
    floor = names.index(session_tier)
    return {spec.name: SESSION for spec in specs[:-1] if names.index(spec.name) < floor}
