"""Embeddings as a product: the graph's embedder under the caller's token limits."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from app.budget.admit import admit
from app.budget.hold import hold
from app.budget.holding import left_after, left_by
from app.domain import Amounts, GatewayRequest, MicroUsd, Reservation, Usage
from app.errors import BudgetRefused
from app.journey import Journey
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

    def begin(self, request: GatewayRequest) -> Journey:
        """The record of a request, under the policy of its feature."""
        return self._gateway.begin(request)

    async def embed(self, journey: Journey, texts: Sequence[str]) -> tuple[list[bytes], int]:
        """One little-endian float32 unit vector per text, and the tokens they count for."""
        tokens = sum(1 + len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN for text in texts)
        stages = self._gateway.stages
        with stages.telemetry.request(journey, _free, stages.recorder) as trace:
            self._gateway.spending.check(journey)
            trace.planned("")
            vectors = await self._held(journey, tokens, lambda: self._called(trace, texts, tokens))
            trace.first_chunk()
        return vectors, tokens

    async def _held(self, journey: Journey, tokens: int, call: Callable[[], Awaitable[T]]) -> T:
        granted = await self._admitted(journey, Amounts(input_tokens=tokens, requests=1, concurrent=1))
        spent = Amounts(requests=1)
        async with hold(self._gateway.spending.ledger, granted, lambda: spent):
            found = await call()
            spent = Amounts(input_tokens=tokens, requests=1)
        journey.left = left_after(granted, spent)
        return found

    async def _admitted(self, journey: Journey, need: Amounts) -> Reservation:
        spending, caller = self._gateway.spending, journey.request.caller
        try:
            return await admit(spending.ledger, journey.request.id, caller, spending.limits(caller), need)
        except BudgetRefused as refused:
            journey.left = left_by(refused.exceeded)
            raise

    async def _called(self, trace: RequestTrace, texts: Sequence[str], tokens: int) -> list[bytes]:
        with trace.attempt("", EMBEDDER, self.model) as record:
            vectors = await self._gateway.stages.normalizer.embed(texts)
            record.usage = Usage(input_tokens=tokens)
        return vectors


def _free(_tier: str, _backend: str, _usage: Usage) -> MicroUsd:
    return MicroUsd(0)
