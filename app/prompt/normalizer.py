"""The Normalizer port: what the later stages read of a prompt."""

from collections.abc import Sequence

from app.domain import GatewayRequest, NormalizedPrompt, PromptKeys
from app.ports import Embedder
from app.prompt.counting.counter import InputCounter
from app.prompt.tokens import estimate_input_tokens


class PromptNormalizer:
    """Embeds the canonical text, once for all stages, and estimates or counts the tokens of the request."""

    def __init__(self, embedder: Embedder, counter: InputCounter) -> None:
        self._embedder = embedder
        self._counter = counter

    async def normalize(self, request: GatewayRequest, keys: PromptKeys, text: str) -> NormalizedPrompt:
        """`text` is what `KeyMaker.read` gave. An empty one has no meaning to embed: its embedding is empty bytes."""
        embedding = (await self._embedder.embed([text]))[0] if text else b""
        tokens = estimate_input_tokens(request.payload)
        return NormalizedPrompt(text, keys, tokens, embedding)

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """One little-endian float32 unit vector per text, in order, while no prompt waits for its own."""
        return await self._embedder.embed(texts, bulk=True)

    async def count(self, request: GatewayRequest) -> dict[str, int]:
        """The exact input tokens by tier, where its tokenizer is known."""
        return await self._counter.counts(request.payload)
