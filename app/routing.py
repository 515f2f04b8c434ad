"""Around the router: what is looked up before it, which tiers may serve, what is decided without it, what is kept."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from app.background import in_time
from app.budget.ledger import Booked
from app.config.routing import RoutingPolicy
from app.domain import (
    AUTO_MODEL,
    LARGE_BODY_BYTES,
    GatewayRequest,
    Limit,
    MicroUsd,
    NormalizedPrompt,
    Remaining,
    RouteDecision,
    RouteTerms,
    Unit,
)
from app.errors import StoreUnavailable
from app.journey import Journey
from app.learn.records import is_answered
from app.ports import ComplexityRouter
from app.route.bounds import bounds_of
from app.route.constraints import Situation, constrain, constrain_named
from app.route.hints import hinted, loosened
from app.route.sessions import SessionTiers
from app.route.terms import EMPTY, NO_EMBEDDING, best_of, route_terms
from app.tiers.catalog import TierCatalog

Timed = Callable[[str], AbstractContextManager[None]]
"""Watches a stage of this name: `RequestTrace.stage`."""


class Books(Protocol):
    """Who knows what is spent and what is left."""

    async def remaining(self, tenant: str, limits: Sequence[Limit]) -> Sequence[Remaining]:
        """What each limit leaves now."""
        ...

    async def booked(self, tenant: str, limits: Sequence[Limit]) -> Sequence[Booked]:
        """What is spent and held under each limit now."""
        ...


@dataclass(frozen=True, slots=True)
class Routing:
    """Stage 2b with its surroundings. Every lookup of it may fail: a constraint that nobody knows is none."""

    catalog: TierCatalog
    router: ComplexityRouter
    sessions: SessionTiers
    books: Books
    limits: Callable[[Journey], Sequence[Limit]]

    def check(self, journey: Journey) -> None:
        """Raise `ModelNotFound`, and `InvalidRequest` for bounds that cannot be kept, before anything is looked up."""
        self.catalog.decide(journey.request.model)
        bounds_of(journey.request, journey.policy.routing, self.catalog.names)

    def asked(self, request: GatewayRequest, policy: RoutingPolicy) -> GatewayRequest:
        """`request` as `policy.named` has it: for `auto` below what it named."""
        tier, names = self.catalog.tier_of(request.model), self.catalog.names
        if policy.named == "obeyed" or not tier or request.model in self.catalog.adapters_of(tier):
            return request
        if request.min_tier or request.max_tier or names.index(tier) < names.index(policy.min_tier or names[0]):
            return request
        return replace(request, payload={**request.payload, "model": AUTO_MODEL}, max_tier=tier)

    async def look(self, journey: Journey) -> Situation:
        """The session's tier and what is left in its limits: to run beside the embedding. Never raises."""
        if journey.request.model != AUTO_MODEL:
            return Situation()
        return Situation(*await asyncio.gather(self._session(journey), self._budget_left(journey)))

    async def _session(self, journey: Journey) -> str:
        return await self.sessions.get(journey.request.caller) if journey.policy.routing.sticky else ""

    async def _budget_left(self, journey: Journey) -> MicroUsd | None:
        """The least of what the caller's limits in dollars leave; None without any, or when nobody can tell."""
        caller = journey.request.caller
        limits = [each for each in self.limits(journey) if each.unit is Unit.MICRO_USD]
        if not limits:
            return None
        try:
            left = await self.books.remaining(caller.tenant, limits)
        except StoreUnavailable:
            return None
        return MicroUsd(min(each.amount for each in left))

    async def terms(
        self, journey: Journey, input_tokens: int, situation: Situation, *, explain: bool = False
    ) -> RouteTerms:
        """On what terms the request is routed; a large body is read beside the loop.

        Raises `NoTier` and `InvalidRequest`.
        """
        read = partial(self._terms, journey, input_tokens, situation)
        large = journey.request.body_bytes > LARGE_BODY_BYTES
        terms = await asyncio.to_thread(read) if large else read()
        return replace(terms, session_tier=situation.session_tier, explain=explain)

    def _terms(self, journey: Journey, input_tokens: int, situation: Situation) -> RouteTerms:
        request, policy, specs = journey.request, journey.policy.routing, self.catalog.specs(self.catalog.names)
        if named := self.catalog.decide(request.model):
            found = constrain_named(specs, named.tiers, request, policy, input_tokens)
        else:
            counts = loosened(situation, request.step.kind, journey.downgrade)
            found = constrain(specs, request, policy, journey.prices, input_tokens, counts)
        return route_terms(specs, found, journey.prices, request, input_tokens)

    async def decide(
        self, journey: Journey, prompt: NormalizedPrompt, terms: RouteTerms, timed: Timed
    ) -> RouteDecision:
        """Which tier. A router that fails or is late is not sure: the best allowed one."""
        if named := self.catalog.decide(journey.request.model):
            return as_named(named, terms)
        if decision := hinted(terms, journey.request.step.kind, journey.downgrade):
            return decision
        if not prompt.embedding:
            return best_of(terms, NO_EMBEDDING if prompt.text else EMPTY)
        with timed("route"):
            call = self.router.route(prompt, terms, journey.policy.routing)
            decision = await in_time(journey, "router", call)
        return decision or best_of(terms, "router unavailable")

    async def keep(self, journey: Journey, tier: str) -> None:
        """The request's session is on `tier`, which is `earned`, from now on."""
        routing = journey.policy.routing
        await self.sessions.keep(journey.request.caller, tier, self.catalog.names, routing.session_ttl_s)


def earned(journey: Journey) -> str:
    """The tier on which the request's session goes on: the one that answered, a better one than decided too.

    Empty where the session stays as it is: the client named the model, the router did not really decide (it was away,
    there was nothing to embed), or nothing answered. A client that left a good answer has got one.
    """
    decision, sticky = journey.decision, journey.policy.routing.sticky
    if not sticky or journey.request.model != AUTO_MODEL or decision is None or decision.score is None:
        return ""
    return journey.tier if is_answered(journey) else ""


def as_named(named: RouteDecision, terms: RouteTerms) -> RouteDecision:
    """What the client named, as far as it can serve; a better one where a tier was named that cannot."""
    first, *others = (tier.name for tier in terms.tiers)
    because = f"; excluded: {terms.excluded[named.tier]}" if first != named.tier else ""
    return RouteDecision(first, None, named.reason + because, tuple(others))
