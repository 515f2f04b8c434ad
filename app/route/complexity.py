"""The graph's complexity router: head and decision behind the `ComplexityRouter` port."""

from dataclasses import replace

from app.config.routing import RoutingPolicy
from app.domain import NormalizedPrompt, RouteDecision, RouteTerms
from app.route.decide import decide
from app.route.heads import Head
from app.route.multiplier import Multipliers
from app.route.terms import EMPTY, best_of

NEAREST = 5
"""Pieces of evidence that an explanation shows."""


class ComplexityRouter:
    """Implements the port of the same name.

    Under a millisecond, so it answers on the event loop: a thread would cost more than it saves.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._multipliers = Multipliers(head.reference)

    async def route(self, prompt: NormalizedPrompt, terms: RouteTerms, policy: RoutingPolicy) -> RouteDecision:
        """See the port. Raises ValueError for an embedding of another model."""
        return self.judge(prompt.embedding, prompt.text, terms, policy)

    def judge(self, embedding: bytes, text: str, terms: RouteTerms, policy: RoutingPolicy) -> RouteDecision:
        """The same, without a loop: for the command line."""
        judgement = self._head.judge(embedding, text)
        multiplier = self._multipliers.of(terms.everything, policy) if policy.policy == "cost" else 0.0
        decision = decide(terms, judgement, policy, multiplier)
        return replace(decision, evidence=self._head.evidence(embedding, NEAREST)) if terms.explain else decision

    def judge_offline(self, embedding: bytes, text: str, terms: RouteTerms, policy: RoutingPolicy) -> RouteDecision:
        """As the gateway decides, where there is none: it embeds no empty text and asks no head of it.

        The best tier then, here with the head's numbers.
        """
        decision = self.judge(embedding, text, terms, policy)
        return decision if text else replace(best_of(terms, EMPTY), score=decision.score, p=decision.p)
