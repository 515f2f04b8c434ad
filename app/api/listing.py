"""`GET /v1/models` and `/v1/models/{id}`."""

from typing import Any

from fastapi import APIRouter, Request

from app.access.rights import may_ask
from app.api.guard import key_of
from app.errors import ModelNotFound
from app.tiers.catalog import TierCatalog


class ModelRoutes:
    """What the key may ask for, of: `auto`, tiers, models, and the embedder."""

    def __init__(self, catalog: TierCatalog, embedder: str) -> None:
        self._catalog = catalog
        self._models = {id_: _model(id_, kind) for id_, kind in [*catalog.ids(), (embedder, "embedder")]}
        self.router = APIRouter()
        self.router.add_api_route("/v1/models", self.list, methods=["GET"])
        self.router.add_api_route("/v1/models/{model:path}", self.retrieve, methods=["GET"])

    async def list(self, request: Request) -> dict[str, Any]:
        """Every id with its kind."""
        return {"object": "list", "data": [each for id_, each in self._models.items() if self._may(request, id_)]}

    async def retrieve(self, request: Request, model: str) -> dict[str, Any]:
        """One of them. Raises `ModelNotFound`."""
        if model not in self._models or not self._may(request, model):
            raise ModelNotFound(f"model {model[:200]!r} does not exist", "model")
        return self._models[model]

    def _may(self, request: Request, model: str) -> bool:
        return may_ask(key_of(request).rights, model, self._catalog)


def _model(id_: str, kind: str) -> dict[str, Any]:
    return {"id": id_, "object": "model", "created": 0, "owned_by": "leanserve", "kind": kind}
