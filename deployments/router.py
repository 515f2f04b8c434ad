"""The complexity router."""

from app.config.gateway import GatewayConfig
from app.config.routing import RoutingPolicy
from app.domain import NormalizedPrompt, RouteDecision, RouteTerms
from deployments.parts import open_router


class ComplexityRouterDeployment:
    """`ComplexityRouter` as a deployment."""

    def __init__(self, config: GatewayConfig) -> None:
        self._router = open_router(config.embedder)

    async def route(self, prompt: NormalizedPrompt, terms: RouteTerms, policy: RoutingPolicy) -> RouteDecision:
        """See `app.ports.ComplexityRouter`."""
        return await self._router.route(prompt, terms, policy)

    async def ready(self) -> bool:
        """It answers, so it is."""
        return True
