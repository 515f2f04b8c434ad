"""`GET /v1/models` and `/v1/models/{id}`."""

from typing import Any

from fastapi import APIRouter

from app.errors import ModelNotFound
from app.tiers.catalog import TierCatalog


class ModelRoutes:
    """What may be asked for: `auto`, tiers, models, and the embedder."""

    def __init__(self, catalog: TierCatalog, embedder: str) -> None:
        self._models = {id_: _model(id_, kind) for id_, kind in [*catalog.ids(), (embedder, "embedder")]}
        self.router = APIRouter()
        self.router.add_api_route("/v1/models", self.list, methods=["GET"])
        self.router.add_api_route("/v1/models/{model:path}", self.retrieve, methods=["GET"])

    async def list(self) -> dict[str, Any]:
        """Every id with its kind."""
        return {"object": "list", "data": [*self._models.values()]}

    async def retrieve(self, model: str) -> dict[str, Any]:
        """One of them. Raises `ModelNotFound`."""
        if model not in self._models:
            raise ModelNotFound(f"model {model[:200]!r} does not exist", "model")
        return self._models[model]


def _model(id_: str, kind: str) -> dict[str, Any]:
    return {"id": id_, "object": "model", "created": 0, "owned_by": "leanserve", "kind": kind}
