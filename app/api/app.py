"""`create_app`: the routes over one gateway, and the one place where faults become OpenAI's error JSON."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app import __version__
from app.access.desk import KeyDesk
from app.access.known import KnownNames, known_models
from app.access.ring import KeyRing
from app.api.admin.audit import AuditRoutes
from app.api.admin.budgets import BudgetRoutes
from app.api.admin.keys import KeyRoutes
from app.api.admin.reports import ReportRoutes
from app.api.admin.scopes import ScopeRoutes
from app.api.cache import CacheRoutes
from app.api.console import ConsoleRoutes
from app.api.embeddings import EmbeddingRoutes
from app.api.generation import GenerationRoutes
from app.api.guard import Guard
from app.api.headers import response_headers
from app.api.health import Check, HealthRoutes
from app.api.listing import ModelRoutes
from app.api.outcomes import OutcomeRoutes
from app.api.route import RouteRoutes
from app.api.sessions import SessionRoutes
from app.audit.terms import terms_of
from app.budget.desk import BudgetDesk
from app.cache.desk import CacheDesk
from app.config.gateway import GatewayConfig
from app.dry_run import DryRun
from app.embeddings import Embeddings
from app.errors import BudgetRefused, InvalidRequest, LeanServeError, NotCached, SessionStopped, SpendingStopped
from app.gateway import Gateway
from app.learn.outcomes import Outcomes
from app.ledger.desk import LedgerDesk

logger = logging.getLogger("leanserve.api")


@dataclass(frozen=True, slots=True)
class Desks:
    """Who does what the endpoints beside the models ask for."""

    cache: CacheDesk
    keys: KeyDesk
    budgets: BudgetDesk
    ledger: LedgerDesk


def create_app(
    gateway: Gateway, config: GatewayConfig, keys: KeyRing, checks: Mapping[str, Check], desks: Desks
) -> FastAPI:
    """The ASGI application of one ingress replica: health for everybody, `/v1` and `/admin` behind the guard."""
    app = FastAPI(title="LeanServe", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    guard = Guard(keys)
    app.include_router(HealthRoutes(checks, gateway.stages.telemetry).router)
    app.include_router(ConsoleRoutes().router)
    app.include_router(_v1(gateway, config, desks), dependencies=[Depends(guard.enter)])
    app.include_router(_admin(gateway, config, desks), dependencies=[Depends(guard.admin)])
    app.add_exception_handler(LeanServeError, _on_fault)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)
    return app


def _v1(gateway: Gateway, config: GatewayConfig, desks: Desks) -> APIRouter:
    """What every key opens, within its rights."""
    limit, embedder, catalog, found = config.limits.max_body_bytes, config.embedder.model, gateway.catalog, APIRouter()
    found.include_router(GenerationRoutes(gateway, limit).router)
    found.include_router(EmbeddingRoutes(Embeddings(gateway, embedder), catalog, limit).router)
    found.include_router(CacheRoutes(desks.cache, limit).router)
    found.include_router(OutcomeRoutes(_outcomes(gateway, desks), limit).router)
    found.include_router(RouteRoutes(DryRun(gateway), catalog, limit).router)
    found.include_router(SessionRoutes(gateway).router)
    found.include_router(ModelRoutes(catalog, embedder).router)
    return found


def _outcomes(gateway: Gateway, desks: Desks) -> Outcomes:
    stages = gateway.stages
    return Outcomes(stages.routed, desks.ledger.outcomes, stages.agents)


def _admin(gateway: Gateway, config: GatewayConfig, desks: Desks) -> APIRouter:
    """What an admin's key opens."""
    limit, found = config.limits.max_body_bytes, APIRouter()
    known = KnownNames(known_models(gateway.catalog, config.embedder.model), lambda: gateway.policy)
    found.include_router(KeyRoutes(desks.keys, known, limit).router)
    found.include_router(BudgetRoutes(desks.budgets, limit).router)
    found.include_router(ScopeRoutes(desks.budgets, limit).router)
    found.include_router(AuditRoutes(desks.ledger.reader, lambda: terms_of(config.tiers, gateway.policy)).router)
    found.include_router(ReportRoutes(desks.ledger.reader).router)
    return found


async def _on_fault(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LeanServeError)
    headers = response_headers(request.state.journey) if hasattr(request.state, "journey") else {}
    if (retry := error.retry_after_s) is not None:
        headers["retry-after"] = str(retry)
    if retry is None and isinstance(error, NotCached | BudgetRefused | SpendingStopped | SessionStopped):
        headers["x-should-retry"] = "false"  # OpenAI's clients try again after a 429 or 504, unless told not to
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
