"""The normalizer: where the embedder lives."""

from collections.abc import Sequence

from app.config.gateway import GatewayConfig
from app.domain import GatewayRequest, NormalizedPrompt, PromptKeys
from deployments.parts import open_normalizer


class NormalizerDeployment:
    """`PromptNormalizer` as a deployment."""

    def __init__(self, config: GatewayConfig) -> None:
        self._normalizer = open_normalizer(config)

    async def normalize(self, request: GatewayRequest, keys: PromptKeys, text: str) -> NormalizedPrompt:
        """See `app.ports.Normalizer`."""
        return await self._normalizer.normalize(request, keys, text)

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """See `app.ports.Normalizer`."""
        return await self._normalizer.embed(texts)

    async def count(self, request: GatewayRequest) -> dict[str, int]:
        """See `app.ports.Normalizer`."""
        return await self._normalizer.count(request)

    async def ready(self) -> bool:
        """It answers, so it is."""
        return True
