"""The graph's complexity router: features, head and decision behind the `ComplexityRouter` port."""

from collections.abc import Sequence

from app.config.policy import RoutingPolicy
from app.domain import NormalizedPrompt, RouteDecision
from app.route.decide import decide
from app.route.features import glance
from app.route.head import ComplexityHead


class ComplexityRouter:
    """Implements the port of the same name over `tiers`, named from the cheapest to the best.

    Well under a millisecond, so it answers on the event loop: a thread would cost more than it saves.
    """

    def __init__(self, head: ComplexityHead, tiers: Sequence[str]) -> None:
        self._head = head
        self._tiers = tuple(tiers)

    async def route(self, prompt: NormalizedPrompt, policy: RoutingPolicy) -> RouteDecision:
        """The cheapest tier that can do the job. Raises ValueError for an embedding of another model."""
        score = self._head.score(prompt.embedding, prompt.text)
        return decide(score, glance(prompt.text), policy, self._tiers)
