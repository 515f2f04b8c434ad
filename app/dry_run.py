"""Where a request would go: the gateway's own way to a decision, without what follows it."""

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.background import in_time
from app.config.policy import Policy
from app.domain import GatewayRequest, NormalizedPrompt, RouteDecision, RouteTerms
from app.journey import Journey
from app.prompt.tokens import estimate_input_tokens

if TYPE_CHECKING:
    from app.gateway import Gateway


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision, the terms that it was made on, the estimate of the input, and the policy as the feature sees it."""

    decision: RouteDecision
    terms: RouteTerms
    input_tokens: int
    policy: Policy
    feature: str


class DryRun:
    """Decides by the policy of now, and keeps nothing: no answer, no session's tier, no record."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway

    async def explain(self, request: GatewayRequest) -> Explanation:
        """The decision with its evidence. Raises what the request itself would raise before a model is called."""
        routing, journey = self._gateway.routing, self._gateway.begin(request)
        routing.check(journey)
        prompt, situation = await asyncio.gather(self._prompt(journey), routing.look(journey))
        terms = await routing.terms(journey, prompt.token_estimate, situation, explain=True)
        decision = await routing.decide(journey, prompt, terms, lambda _name: nullcontext())
        return Explanation(decision, terms, prompt.token_estimate, journey.policy, request.caller.feature)

    async def _prompt(self, journey: Journey) -> NormalizedPrompt:
        """Beside the event loop, however small: nobody waits for a first token here."""
        stages, request = self._gateway.stages, journey.request
        keys, text = await asyncio.to_thread(partial(stages.keys.read, request, journey.policy))
        found = await in_time(journey, "normalizer", stages.normalizer.normalize(request, keys, text))
        return found or NormalizedPrompt(text, keys, estimate_input_tokens(request.payload), b"")
