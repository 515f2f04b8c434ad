"""The ingress: HTTP in, the gateway behind it."""

from typing import Any

from fastapi import FastAPI
from ray.serve.handle import DeploymentHandle

from app.config.gateway import GatewayConfig
from app.config.policy import Policy
from deployments.assembly import Assembly, assemble
from deployments.fellows import Fellows


class Ingress:
    """One replica of the HTTP edge. Its `user_config` is the policy of the whole graph."""

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self,
        config: GatewayConfig,
        tiers: dict[str, DeploymentHandle],
        normalizer: DeploymentHandle | None = None,
        semantic_cache: DeploymentHandle | None = None,
        router: DeploymentHandle | None = None,
    ) -> None:
        self._assembly: Assembly = await assemble(config, tiers, normalizer, semantic_cache, router)
        self._fellows = Fellows(self._enforce)

    async def __serve_build_asgi_app__(self) -> FastAPI:
        """Ray Serve's hook: the ASGI application of this replica."""
        return self._assembly.app

    async def __del__(self) -> None:
        """Ray Serve's hook: the replica ends in good order."""
        if hasattr(self, "_assembly"):  # it may have ended before it began
            await self._assembly.close()

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """A new policy, without a restart. Raises for one that cannot be served."""
        self._fellows.brought(user_config)

    async def heed(self, user_config: dict[str, Any], since: float) -> None:
        """The same from who has it first: another replica, or the launcher."""
        self._fellows.heard(user_config, since)

    def _enforce(self, policy: Policy) -> None:
        self._assembly.reconfigure(policy)
