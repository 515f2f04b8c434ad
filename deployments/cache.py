"""The semantic-cache actor."""

from app.config.gateway import GatewayConfig
from app.config.policy import CachePolicy
from app.domain import Answer, CacheHit, CacheMiss, Caller, NormalizedPrompt
from deployments.parts import open_semantic_cache


class SemanticCacheDeployment:
    """`RedisSemanticCache` as a deployment. Its state is in Redis: replicas come and go."""

    async def __init__(self, config: GatewayConfig) -> None:  # type: ignore[misc]  # Serve awaits it
        self._cache = await open_semantic_cache(config)

    async def lookup(self, caller: Caller, prompt: NormalizedPrompt, policy: CachePolicy) -> CacheHit | CacheMiss:
        """See `app.ports.SemanticCache`."""
        return await self._cache.lookup(caller, prompt, policy)

    async def store(self, caller: Caller, prompt: NormalizedPrompt, answer: Answer, policy: CachePolicy) -> None:
        """See `app.ports.SemanticCache`."""
        await self._cache.store(caller, prompt, answer, policy)

    async def ready(self) -> bool:
        """It answers, so it is."""
        return True
