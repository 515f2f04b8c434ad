"""A gateway without Ray: local parts, real Redis, real HTTP. For tests of everything above the parts."""

import asyncio
import shutil
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import httpx
import uvicorn
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.access.configured import ADMIN_KEY, API_KEYS, Entrance
from app.access.stored import StoredKeys
from app.agents.sessions import Sessions
from app.api.app import create_app
from app.budget.leases import RedisLeases
from app.budget.ledger import RedisBudgetLedger
from app.budget.limits import limits_for
from app.budget.marks import Marks
from app.budget.retrying import RetryingLedger
from app.budget.stops import RedisStops
from app.budget.stored import StoredBudgets
from app.cache.desk import CacheDesk
from app.cache.exact import ExactCache
from app.cache.flights.flights import Flights
from app.cache.journal import CacheJournal
from app.cache.semantic import RedisSemanticCache
from app.config.gateway import EchoBackend as EchoSpec
from app.config.gateway import GatewayConfig, StoreSpec
from app.config.policy import Policy
from app.domain import Caller, NormalizedPrompt, RouteDecision, RouteTerms, Unit
from app.gateway import Gateway, Stages
from app.learn.journal import RouteJournal
from app.ledger.desk import LedgerDesk
from app.ledger.posting import Posting
from app.ledger.recorder import Describe, Recorder
from app.ledger.spool import Spool
from app.observe.logline import open_request_log
from app.observe.metrics import Metrics
from app.observe.telemetry import Telemetry
from app.observe.trace import Instruments
from app.ports import Backend, ComplexityRouter, Embedder, Verifier
from app.prompt.counting.counter import InputCounter
from app.prompt.keys import KeyMaker
from app.prompt.normalizer import PromptNormalizer
from app.route.sessions import SessionTiers
from app.spending import Stored, Treasury
from app.store.client import Store, open_cache_store, open_record_store, open_store
from app.store.revised import first_read
from app.tiers.attempts import Attempts, Tier
from app.tiers.catalog import TierCatalog
from tests.doors import Doors, keyless, open_doors
from tests.fakes import FakeEmbedder, FakeVerifier
from tests.fused_echo import FusedEcho, grants_in
from tests.quick_server import QuickServer

PRICES = {"small": {"input": "1", "output": "2"}, "large": {"input": "10", "output": "20"}}
"""US dollars per million tokens: a token of `small` costs one or two micro-dollars."""
BOOKED_S = 30.0
"""Until nothing is held: engines are waited for that were cut off, and settlements insist, on a busy machine."""
PATIENT = {"timeout_s": 5, "cache_timeout_s": 5}
"""Tests share two cores: only tests of the time-outs themselves are short of patience."""


def tier(name: str, **options: Any) -> dict[str, Any]:
    """An echo tier's configuration."""
    echo = {"kind": "echo", "tokens": 8, **options}
    spec = {"name": name, "model": f"echo-{name}", "context_tokens": 4096, "max_output_tokens": 64}
    return {**spec, "backends": [echo]}


class FakeRouter:
    """A fake ComplexityRouter: prompts with `hard` in them go to the last allowed tier, the rest to the first."""

    async def route(self, prompt: NormalizedPrompt, terms: RouteTerms, policy: Any) -> RouteDecision:
        """0.9 or 0.1."""
        tiers = [tier.name for tier in terms.tiers]
        if "hard" in prompt.text:
            return RouteDecision(tiers[-1], 0.9, "fake: hard")
        return RouteDecision(tiers[0], 0.1, "fake: easy", tuple(tiers[1:]))


@dataclass
class Setup:
    """What a test may vary. Clients that show no key are given the local one, unless `strict`."""

    redis_url: str
    policy: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    backends: dict[str, Backend] = field(default_factory=dict)
    embedder: Embedder = field(default_factory=FakeEmbedder)
    router: ComplexityRouter | None = None
    verifier: Verifier = field(default_factory=FakeVerifier)
    keys: str = ""
    admin_key: str = ""
    http_host: str = "127.0.0.1"
    strict: bool = False
    clock: Callable[[], float] = time.time
    describe: Describe | None = None
    spool: str = ""
    telemetry: Telemetry | None = None

    def gateway_config(self) -> GatewayConfig:
        """Two echo tiers, unless the test says otherwise."""
        tiers = [tier("small"), tier("large")]
        return GatewayConfig.model_validate({"tiers": tiers, "store": PATIENT, **self.config})

    def entrance(self) -> Entrance:
        """`keys` and `admin_key` are what the environment says."""
        return Entrance.of({API_KEYS: self.keys, ADMIN_KEY: self.admin_key}, self.http_host)

    def gateway_policy(self) -> Policy:
        """Priced, and without limits unless the test sets them."""
        return Policy.model_validate({"prices": PRICES, **self.policy})


@dataclass
class Running:
    """A gateway under test, its HTTP app and the spans that it made."""

    gateway: Gateway
    app: FastAPI
    spans: InMemorySpanExporter
    backends: dict[str, Any]
    doors: Doors
    url: str = ""
    redis_url: str = ""


@asynccontextmanager
async def open_gateway(setup: Setup) -> AsyncGenerator[Running, None]:
    """Assemble local parts on the running loop."""
    config, exporter = setup.gateway_config(), InMemorySpanExporter()
    store = await open_store(setup.redis_url, config.store)
    cache_store = open_cache_store(setup.redis_url, config.store)
    backends = _backends(config, setup.backends, setup.redis_url)
    tiers = [Tier(spec, tuple(backends[name] for name in spec.backend_names())) for spec in config.tiers]
    telemetry = setup.telemetry or _telemetry(exporter)
    record_store = open_record_store(setup.redis_url, config.store)
    folder = Path(setup.spool or mkdtemp(prefix="leanserve-spool-"))
    recorder = Recorder(Spool(folder), Posting(record_store), describe=setup.describe, replica="test")
    keys, rules = StoredKeys(store), StoredBudgets(store)
    await first_read(keys.table, rules.table)
    treasury = _treasury(store, telemetry, Stored(rules.rules_for, keys.table.refresh, rules.table.refresh))
    stages = Stages(
        keys=KeyMaker(config.embedder.identity, config.answerers, setup.verifier.version),
        exact=ExactCache(cache_store),
        flights=Flights(cache_store),
        journal=CacheJournal(cache_store),
        routed=RouteJournal(cache_store),
        normalizer=PromptNormalizer(setup.embedder, InputCounter.open(config.tiers, str)),
        semantic=RedisSemanticCache(cache_store, verifier=setup.verifier),
        router=setup.router or FakeRouter(),
        sessions=SessionTiers(cache_store),
        agents=Sessions(store, cache_store),
        treasury=treasury,
        attempts=Attempts(tiers),
        telemetry=telemetry,
        recorder=recorder,
    )
    gateway = Gateway(stages, TierCatalog(config.tiers))
    gateway.reconfigure(setup.gateway_policy())
    watching = [asyncio.ensure_future(work) for work in (gateway.spending.watch.run(), recorder.run())]
    checks = {"redis": store.ready, **{name: backend.ready for name, backend in backends.items()}}
    desk = CacheDesk.over(store, stages.journal)
    ledger = LedgerDesk.over(record_store, recorder.flush)
    doors = open_doors(gateway, setup.entrance(), setup.clock, keys, rules, desk, ledger)
    try:
        app = create_app(gateway, config, doors.ring, checks, doors.desks)
        yield Running(gateway, app, exporter, backends, doors, redis_url=setup.redis_url)
    finally:
        for task in watching:
            task.cancel()
        await recorder.close()
        if not setup.spool:
            shutil.rmtree(folder)
        await stages.journal.flush()
        await stages.routed.flush()
        await store.close()
        await cache_store.close()
        await record_store.close()


def _treasury(store: Store, telemetry: Telemetry, stored: Stored) -> Treasury:
    holder = uuid4().hex
    marks = Marks(telemetry.mark_passed, httpx.AsyncClient(), sleep=asyncio.sleep)
    ledger = RedisBudgetLedger(store, holder=holder, tell=marks.told)
    return Treasury(RetryingLedger(ledger), ledger, RedisLeases(store), RedisStops(store), marks, holder, stored)


def _backends(config: GatewayConfig, given: dict[str, Backend], redis_url: str) -> dict[str, Any]:
    found, grants = dict[str, Any](), partial(grants_in, redis_url, config.store)
    for spec in config.tiers:
        for name, backend in zip(spec.backend_names(), spec.backends, strict=True):
            found[name] = given[name] if name in given else FusedEcho(grants, _echo(backend), name)
    return found


def _echo(spec: object) -> EchoSpec:
    assert isinstance(spec, EchoSpec), "the test must give every other backend itself"
    return spec


def _telemetry(exporter: InMemorySpanExporter) -> Telemetry:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instruments = Instruments(provider.get_tracer("test"), Metrics("test"), open_request_log(), time.perf_counter)
    return Telemetry(instruments)


@contextmanager
def serving(setup: Setup) -> Iterator[Running]:
    """The gateway behind real HTTP on a free port of the loopback interface, on a loop of its own."""
    started: list[Running] = []
    server_ready, stop = threading.Event(), threading.Event()

    async def main() -> None:
        async with open_gateway(setup) as running:
            with socket.socket(proto=socket.IPPROTO_TCP) as listener:  # else asyncio leaves Nagle on: 40 ms an answer
                listener.bind(("127.0.0.1", 0))
                running.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
                app = running.app if setup.strict else keyless(running.app)
                server = QuickServer(uvicorn.Config(app, log_level="warning", lifespan="off"))
                serving = asyncio.ensure_future(server.serve(sockets=[listener]))
                while not server.started and not serving.done():
                    await asyncio.sleep(0.005)
                started.append(running)
                server_ready.set()
                while not stop.is_set() and not serving.done():
                    await asyncio.sleep(0.01)
                server.should_exit = True
                await serving

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert server_ready.wait(20), "the test server did not start"
    try:
        yield started[0]
    finally:
        stop.set()
        thread.join(20)


def spent_of(running: Running, unit: Unit, caller: Caller = Caller()) -> int:  # noqa: B008 - frozen
    """What the limits on `unit` say was spent for `caller`, once nothing is held any more."""

    async def read() -> tuple[int, int]:
        limits = [each for each in limits_for(caller, running.gateway.policy.budgets) if each.unit is unit]
        store = await open_store(running.redis_url, StoreSpec(timeout_s=5))
        try:
            [booked] = await RedisBudgetLedger(store).booked(caller.tenant, limits)
        finally:
            await store.close()
        return booked.spent, booked.held

    assert eventually(lambda: asyncio.run(read())[1] == 0, BOOKED_S), "something is still held"
    return asyncio.run(read())[0]


def eventually(condition: Callable[[], bool], timeout_s: float = 15.0) -> bool:
    """Whether `condition` comes true in time."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
