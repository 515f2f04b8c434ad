"""Embeddings as a product: the graph's embedder under the caller's token limits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.budget.admit import admit
from app.budget.hold import hold
from app.domain import Amounts, Caller

if TYPE_CHECKING:
    from app.gateway import Gateway

BYTES_PER_TOKEN = 4
"""Of English text in WordPiece; the usual rule of thumb, used for accounting only."""


class Embeddings:
    """Reserve, embed, settle. The embedder runs on the graph's own machines: it costs tokens, not dollars."""

    def __init__(self, gateway: "Gateway", model: str) -> None:
        self.model = model
        self._gateway = gateway

    async def embed(self, request_id: str, caller: Caller, texts: Sequence[str]) -> tuple[list[bytes], int]:
        """One little-endian float32 unit vector per text, and the tokens they count for."""
        stages = self._gateway.stages
        tokens = sum(1 + len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN for text in texts)
        limits = self._gateway.spending.limits(caller)
        need = Amounts(input_tokens=tokens, requests=1, concurrent=1)
        granted = await admit(self._gateway.spending.ledger, request_id, caller, limits, need)
        spent = Amounts(requests=1)
        async with hold(self._gateway.spending.ledger, granted, lambda: spent):
            vectors = await stages.normalizer.embed(texts)
            spent = Amounts(input_tokens=tokens, requests=1)
        return vectors, tokens
