"""`POST /v1/embeddings`: the graph's own embedder."""

import base64
from typing import Any

import msgspec
import numpy as np
from fastapi import APIRouter, Request, Response

from app.access.rights import may_ask
from app.api.body import parse, read_body
from app.api.callers import caller_of
from app.api.guard import key_of
from app.api.headers import response_headers
from app.api.reading import trace_context
from app.api.schema import EmbeddingsRequest
from app.api.sse import ClientLeft, unless_gone
from app.domain import GatewayRequest
from app.domain.request_id import new_request_id
from app.embeddings import Embeddings
from app.errors import Forbidden, InvalidRequest, ModelNotFound
from app.tiers.catalog import TierCatalog


class EmbeddingRoutes:
    """Unit vectors of texts, in OpenAI's format."""

    def __init__(self, embeddings: Embeddings, catalog: TierCatalog, max_body_bytes: int) -> None:
        self._embeddings = embeddings
        self._catalog = catalog
        self._limit = max_body_bytes
        self.router = APIRouter()
        self.router.add_api_route("/v1/embeddings", self.embed, methods=["POST"])

    async def embed(self, request: Request) -> Response:
        """One vector per text: floats, or base64 of little-endian float32 when asked for."""
        payload = parse(await read_body(request, self._limit), EmbeddingsRequest)
        if payload["model"] != self._embeddings.model:
            raise ModelNotFound(f"the only embedding model is {self._embeddings.model!r}", "model")
        if not may_ask(key_of(request).rights, self._embeddings.model, self._catalog):
            raise Forbidden(f"this API key may not use model {self._embeddings.model!r}", "model")
        if payload.get("dimensions") is not None:
            raise InvalidRequest("this model's vectors cannot be shortened: leave `dimensions` out", "dimensions")
        texts = [payload["input"]] if isinstance(payload["input"], str) else payload["input"]
        try:
            journey = request.state.journey = self._embeddings.begin(_request(request, payload))
            vectors, tokens = await unless_gone(request, self._embeddings.embed(journey, texts))
        except ClientLeft:
            return Response(status_code=499)
        body = {
            "object": "list",
            "model": payload["model"],
            "data": [_row(i, vector, payload.get("encoding_format")) for i, vector in enumerate(vectors)],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
        return Response(msgspec.json.encode(body), media_type="application/json", headers=response_headers(journey))


def _request(request: Request, payload: dict[str, Any]) -> GatewayRequest:
    """Without its texts: nothing reads them there."""
    said = {"model": payload["model"]}
    return GatewayRequest(
        new_request_id(), "embeddings", said, caller_of(request, payload), trace_context=trace_context(request.headers)
    )


def _row(index: int, vector: bytes, encoding: str | None) -> dict[str, Any]:
    value = base64.b64encode(vector).decode() if encoding == "base64" else np.frombuffer(vector, "<f4").tolist()
    return {"object": "embedding", "index": index, "embedding": value}
