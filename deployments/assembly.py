"""One ingress replica, put together: the stages (local or remote), the gateway over them, the HTTP edge over that."""

import asyncio
import logging
import os
from contextlib import suppress
from dataclasses import dataclass

from fastapi import FastAPI
from ray.serve.handle import DeploymentHandle

from app.api.app import create_app
from app.api.callers import KeyRing
from app.api.health import Check
from app.budget.retrying import RetryingLedger
from app.cache.desk import CacheDesk
from app.cache.exact import ExactCache
from app.cache.flights.flights import Flights
from app.cache.journal import CacheJournal
from app.config.gateway import GatewayConfig
from app.gateway import Gateway, Stages
from app.learn.journal import RouteJournal
from app.ports import Backend, ComplexityRouter, Normalizer, SemanticCache
from app.prompt.keys import KeyMaker
from app.route.sessions import SessionTiers
from app.store.client import Store
from app.tiers.attempts import Attempts
from app.tiers.catalog import TierCatalog
from deployments import parts
from deployments.remote import RemoteBackend, RemoteComplexityRouter, RemoteNormalizer, RemoteSemanticCache, RemoteStage

logger = logging.getLogger("leanserve.ingress")
WARM_TRIES = 600
"""One a second: engines take minutes to load."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """What an ingress replica holds."""

    gateway: Gateway
    app: FastAPI
    warming: asyncio.Task[None]


async def assemble(
    config: GatewayConfig,
    tiers: dict[str, DeploymentHandle],
    normalizer: DeploymentHandle | None,
    semantic_cache: DeploymentHandle | None,
    router: DeploymentHandle | None,
) -> Assembly:
    """Open what is inline, wrap what is remote. A stage without a handle is inline."""
    store = await parts.open_store(config)
    backends = parts.open_backends(config, {name: _remote(config, name, handle) for name, handle in tiers.items()})
    cache_store = parts.open_cache_store(config)
    stages = Stages(
        keys=KeyMaker(config.embedder.identity, config.answerers, parts.verifier_version()),
        exact=ExactCache(cache_store),
        flights=Flights(cache_store),
        journal=CacheJournal(cache_store),
        routed=RouteJournal(cache_store),
        normalizer=_normalizer(config, normalizer),
        semantic=await _semantic_cache(config, semantic_cache),
        router=_router(config, router),
        sessions=SessionTiers(cache_store),
        books=parts.open_ledger(store),
        ledger=RetryingLedger(parts.open_ledger(store)),
        attempts=Attempts(backends, clock=parts.clock),
        telemetry=parts.open_replica_telemetry(),
    )
    gateway = Gateway(stages, TierCatalog(config.tiers))
    keys = KeyRing.parse(os.environ.get("LEANSERVE_API_KEYS", ""))
    checks = _checks(store, stages, [backend for tier in backends for backend in tier.backends])
    app = create_app(gateway, config, keys, checks, CacheDesk.over(store, stages.journal))
    return Assembly(gateway, app, asyncio.ensure_future(_warm(checks)))


async def _warm(checks: dict[str, Check]) -> None:
    """Call every part until it answers: the first call over a handle takes seconds, and no request shall pay them."""
    for name, check in checks.items():
        for _ in range(WARM_TRIES):
            with suppress(Exception):
                if await check():
                    break
            await asyncio.sleep(1)
        else:
            logger.warning("%s did not answer while warming up", name)


def _remote(config: GatewayConfig, name: str, handle: DeploymentHandle) -> Backend:
    tier = next(tier for tier in config.tiers if tier.name == name.split("/", maxsplit=1)[0])
    return RemoteBackend(name, handle, tier.adapters)


def _normalizer(config: GatewayConfig, handle: DeploymentHandle | None) -> Normalizer:
    return RemoteNormalizer(handle) if handle else parts.open_normalizer(config.embedder)


async def _semantic_cache(config: GatewayConfig, handle: DeploymentHandle | None) -> SemanticCache:
    return RemoteSemanticCache(handle) if handle else await parts.open_semantic_cache(config)


def _router(config: GatewayConfig, handle: DeploymentHandle | None) -> ComplexityRouter:
    return RemoteComplexityRouter(handle) if handle else parts.open_router(config.embedder)


def _checks(store: Store, stages: Stages, backends: list[Backend]) -> dict[str, Check]:
    """Redis, the light stages that are elsewhere (inline ones are there when the ingress is), and every backend."""
    light = {"normalizer": stages.normalizer, "semantic_cache": stages.semantic, "router": stages.router}
    remote = {name: stage.ready for name, stage in light.items() if isinstance(stage, RemoteStage)}
    return {"redis": store.ready, **remote, **{backend.name: backend.ready for backend in backends}}
