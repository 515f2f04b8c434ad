"""`create_app`: the routes over one gateway, and the one place where faults become OpenAI's error JSON."""

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app import __version__
from app.api.cache import CacheRoutes
from app.api.callers import KeyRing
from app.api.embeddings import EmbeddingRoutes
from app.api.generation import GenerationRoutes
from app.api.headers import response_headers
from app.api.health import Check, HealthRoutes
from app.api.listing import ModelRoutes
from app.api.outcomes import OutcomeRoutes
from app.api.route import RouteRoutes
from app.cache.desk import CacheDesk
from app.config.gateway import GatewayConfig
from app.dry_run import DryRun
from app.embeddings import Embeddings
from app.errors import InvalidRequest, LeanServeError, NotCached
from app.gateway import Gateway
from app.learn.outcomes import Outcomes

logger = logging.getLogger("leanserve.api")


def create_app(
    gateway: Gateway, config: GatewayConfig, keys: KeyRing, checks: Mapping[str, Check], desk: CacheDesk
) -> FastAPI:
    """The ASGI application of one ingress replica."""
    app = FastAPI(title="LeanServe", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    limit = config.limits.max_body_bytes
    app.include_router(GenerationRoutes(gateway, keys, limit).router)
    app.include_router(EmbeddingRoutes(Embeddings(gateway, config.embedder.model), keys, limit).router)
    app.include_router(CacheRoutes(desk, keys, limit).router)
    app.include_router(OutcomeRoutes(Outcomes(gateway.stages.routed), keys, limit).router)
    app.include_router(RouteRoutes(DryRun(gateway), keys, limit).router)
    app.include_router(ModelRoutes(gateway.catalog, config.embedder.model).router)
    app.include_router(HealthRoutes(checks, gateway.stages.telemetry).router)
    app.add_exception_handler(LeanServeError, _on_fault)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)
    return app


async def _on_fault(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LeanServeError)
    headers = response_headers(request.state.journey) if hasattr(request.state, "journey") else {}
    if (retry := error.retry_after_s) is not None:
        headers["retry-after"] = str(retry)
    if isinstance(error, NotCached):
        headers["x-should-retry"] = "false"  # OpenAI's clients try again after a 504, unless they are told not to
    if error.http_status == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(error.body(), status_code=error.http_status, headers=headers)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    """Starlette's own: an unknown path, a wrong method."""
    assert isinstance(error, HTTPException)
    fault = InvalidRequest(f"{request.method} {request.url.path[:200]}: {error.detail}")
    return JSONResponse(fault.body(), status_code=error.status_code, headers=error.headers)


async def _on_bug(request: Request, error: Exception) -> JSONResponse:
    """What nobody foresaw: logged with its place, told without it."""
    logger.error("unexpected fault on %s", request.url.path, exc_info=error)
    return await _on_fault(request, LeanServeError())
