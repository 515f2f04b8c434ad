"""Embeddings as a product: the graph's embedder under the caller's token limits."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from app.budget.admit import admit
from app.budget.hold import hold
from app.domain import Amounts, GatewayRequest, MicroUsd, Usage
from app.observe.trace import RequestTrace

if TYPE_CHECKING:
    from app.gateway import Gateway

T = TypeVar("T")

EMBEDDER = "embedder"
"""The backend's name in spans, metrics and records."""
BYTES_PER_TOKEN = 4
"""Of English text in WordPiece; the usual rule of thumb, used for accounting only."""


class Embeddings:
    """Reserve, embed, settle. The embedder runs on the graph's own machines: it costs tokens, not dollars."""

    def __init__(self, gateway: "Gateway", model: str) -> None:
        self.model = model
        self._gateway = gateway

    async def embed(self, request: GatewayRequest, texts: Sequence[str]) -> tuple[list[bytes], int]:
        """One little-endian float32 unit vector per text, and the tokens they count for."""
        tokens = sum(1 + len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN for text in texts)
        journey, stages = self._gateway.begin(request), self._gateway.stages
        with stages.telemetry.request(journey, _free, stages.recorder) as trace:
            vectors = await self._held(request, tokens, lambda: self._called(trace, texts, tokens))
            trace.first_chunk()
        return vectors, tokens

    async def _held(self, request: GatewayRequest, tokens: int, call: Callable[[], Awaitable[T]]) -> T:
        spending = self._gateway.spending
        need = Amounts(input_tokens=tokens, requests=1, concurrent=1)
        granted = await admit(spending.ledger, request.id, request.caller, spending.limits(request.caller), need)
        spent = Amounts(requests=1)
        async with hold(spending.ledger, granted, lambda: spent):
            found = await call()
            spent = Amounts(input_tokens=tokens, requests=1)
        return found

    async def _called(self, trace: RequestTrace, texts: Sequence[str], tokens: int) -> list[bytes]:
        with trace.attempt("", EMBEDDER, self.model) as record:
            vectors = await self._gateway.stages.normalizer.embed(texts)
            record.usage = Usage(input_tokens=tokens)
        return vectors


def _free(_tier: str, _backend: str, _usage: Usage) -> MicroUsd:
    return MicroUsd(0)
