"""What the router would have done with requests that named their model: asked beside the answer, for the ledger."""

from dataclasses import replace

from app.background import Background, in_time
from app.domain import AUTO_MODEL, GatewayRequest, NormalizedPrompt
from app.journey import Journey
from app.learn.shadow import place
from app.ports import Normalizer
from app.route.constraints import Situation
from app.routing import Routing

MOST_AT_ONCE = 16
"""Appraisals of one replica under way; what comes meanwhile is left out: no request shall wait for its embedding."""


class Appraisals:
    """Of one replica. An answer neither waits for one nor fails with it; one that is late is not in the record."""

    def __init__(self, routing: Routing, normalizer: Normalizer, *, most_at_once: int = MOST_AT_ONCE) -> None:
        self._routing, self._normalizer = routing, normalizer
        self._most_at_once = most_at_once
        self._background = Background()

    def consider(self, journey: Journey, prompt: NormalizedPrompt) -> None:
        """Ask on this request if it is one of `routing.appraise`'s share, and there is room."""
        if self._background.busy < self._most_at_once and self._is_wanted(journey):
            self._background.start(self._ask(journey, prompt), "a named model was not appraised")

    def _is_wanted(self, journey: Journey) -> bool:
        model, share = journey.request.model, journey.policy.routing.appraise
        if not share or model == AUTO_MODEL or place(journey.request.id) >= share:
            return False
        return model not in self._routing.catalog.adapters_of(self._routing.catalog.tier_of(model))

    async def _ask(self, journey: Journey, prompt: NormalizedPrompt) -> None:
        if not prompt.embedding:
            embedding = self._normalizer.normalize(journey.request, prompt.keys, prompt.text)
            prompt = await in_time(journey, "normalizer", embedding) or prompt
        if prompt.embedding:
            asked = Journey(_freed(journey.request), journey.policy, journey.prices)
            terms = await self._routing.terms(asked, prompt.token_estimate, Situation())
            routing = self._routing.router.route(prompt, terms, journey.policy.routing)
            journey.appraised = await in_time(journey, "router", routing)


def _freed(request: GatewayRequest) -> GatewayRequest:
    return replace(request, payload={**request.payload, "model": AUTO_MODEL})
