"""One ingress replica, put together: the stages (local or remote), the gateway over them, the HTTP edge over that."""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from fastapi import FastAPI
from ray.serve.handle import DeploymentHandle

from app.access.configured import Entrance
from app.access.desk import KeyDesk
from app.access.ring import KeyRing
from app.access.stored import StoredKeys
from app.agents.sessions import Sessions
from app.api.app import Desks, create_app
from app.api.health import Check
from app.budget.desk import BudgetDesk
from app.budget.stored import StoredBudgets
from app.cache.desk import CacheDesk
from app.cache.exact import ExactCache
from app.cache.flights.flights import Flights
from app.cache.journal import CacheJournal
from app.config.gateway import GatewayConfig
from app.config.policy import Policy
from app.gateway import Gateway, Stages
from app.heap import settle_heap
from app.learn.journal import RouteJournal
from app.ledger.desk import LedgerDesk
from app.ledger.recorder import Recorder
from app.observe.telemetry import Telemetry
from app.ports import Backend, ComplexityRouter, Normalizer, SemanticCache
from app.prompt.keys import KeyMaker
from app.route.sessions import SessionTiers
from app.spending import Stored
from app.store.client import Store
from app.store.revised import first_read
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
    keys: KeyRing
    app: FastAPI
    recorder: Recorder
    telemetry: Telemetry
    tasks: tuple[asyncio.Task[None], ...]

    def reconfigure(self, policy: Policy) -> None:
        """A new policy. Raises `ConfigError` for one that cannot be served, or under which nobody could enter."""
        self.keys.check(policy.keys)
        self.gateway.reconfigure(policy)
        self.keys.configure(policy.keys)

    async def close(self) -> None:
        """The replica ends: books are closed, and what was recorded and observed is sent, as far as seconds allow.

        Its signs of life go on until its books are closed: who gives none has all that it holds reclaimed as spent.
        """
        await self.gateway.spending.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(self.recorder.close(), self.telemetry.close())


async def assemble(
    config: GatewayConfig,
    tiers: dict[str, DeploymentHandle],
    normalizer: DeploymentHandle | None,
    semantic_cache: DeploymentHandle | None,
    router: DeploymentHandle | None,
    open_telemetry: Callable[[], Telemetry] = parts.open_replica_telemetry,
) -> Assembly:
    """Open what is inline, wrap what is remote. A stage without a handle is inline."""
    store = await parts.open_store(config)
    backends = parts.open_backends(config, {name: _remote(config, name, handle) for name, handle in tiers.items()})
    cache_store = parts.open_cache_store(config)
    telemetry = open_telemetry()
    record_store = parts.open_record_store(config)
    recorder, sweeper = await parts.open_recording(config, record_store, telemetry)
    stored, rules = StoredKeys(store), StoredBudgets(store)
    await first_read(stored.table, rules.table)
    treasury = parts.open_treasury(store, telemetry, Stored(rules.rules_for, stored.table.refresh, rules.table.refresh))
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
        agents=Sessions(store, cache_store),
        treasury=treasury,
        attempts=Attempts(backends, clock=parts.clock),
        telemetry=telemetry,
        recorder=recorder,
    )
    gateway = Gateway(stages, TierCatalog(config.tiers))
    keys = KeyRing(Entrance.of(os.environ, await parts.http_host()), stored)
    checks = _checks(store, stages, [backend for tier in backends for backend in tier.backends])
    app = create_app(
        gateway,
        config,
        keys,
        checks,
        _desks(store, gateway, keys, stored, rules, LedgerDesk.over(record_store, recorder.flush)),
    )
    work = _warm(checks), gateway.spending.watch.run(), recorder.run(), sweeper.run()
    return Assembly(gateway, keys, app, recorder, telemetry, tuple(map(asyncio.ensure_future, work)))


def _desks(
    store: Store, gateway: Gateway, keys: KeyRing, stored: StoredKeys, rules: StoredBudgets, ledger: LedgerDesk
) -> Desks:
    treasury = gateway.stages.treasury
    return Desks(
        CacheDesk.over(store, gateway.stages.journal),
        KeyDesk(stored, treasury.stops, configured=lambda: keys.configured),
        BudgetDesk(rules, treasury.books, treasury.stops, lambda: gateway.policy.budgets),
        ledger,
    )


async def _warm(checks: dict[str, Check]) -> None:
    """Call every part until it answers: the first call over a handle takes seconds, and no request shall pay them.

    Then all is loaded that will be.
    """
    for name, check in checks.items():
        for _ in range(WARM_TRIES):
            with suppress(Exception):
                if await check():
                    break
            await asyncio.sleep(1)
        else:
            logger.warning("%s did not answer while warming up", name)
    settle_heap()


def _remote(config: GatewayConfig, name: str, handle: DeploymentHandle) -> Backend:
    tier = next(tier for tier in config.tiers if tier.name == name.split("/", maxsplit=1)[0])
    return RemoteBackend(name, handle, tier.adapters)


def _normalizer(config: GatewayConfig, handle: DeploymentHandle | None) -> Normalizer:
    return RemoteNormalizer(handle) if handle else parts.open_normalizer(config)


async def _semantic_cache(config: GatewayConfig, handle: DeploymentHandle | None) -> SemanticCache:
    return RemoteSemanticCache(handle) if handle else await parts.open_semantic_cache(config)


def _router(config: GatewayConfig, handle: DeploymentHandle | None) -> ComplexityRouter:
    return RemoteComplexityRouter(handle) if handle else parts.open_router(config.embedder)


def _checks(store: Store, stages: Stages, backends: list[Backend]) -> dict[str, Check]:
    """Redis, the light stages that are elsewhere (inline ones are there when the ingress is), and every backend."""
    light = {"normalizer": stages.normalizer, "semantic_cache": stages.semantic, "router": stages.router}
    remote = {name: stage.ready for name, stage in light.items() if isinstance(stage, RemoteStage)}
    return {"redis": store.ready, **remote, **{backend.name: backend.ready for backend in backends}}
