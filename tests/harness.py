"""A gateway without Ray: local parts, real Redis, real HTTP. For tests of everything above the parts."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.api.app import create_app
from app.api.callers import KeyRing
from app.budget.ledger import RedisBudgetLedger
from app.budget.retrying import RetryingLedger
from app.cache.desk import CacheDesk
from app.cache.exact import ExactCache
from app.cache.flights.flights import Flights
from app.cache.journal import CacheJournal
from app.cache.semantic import RedisSemanticCache
from app.config.gateway import EchoBackend as EchoSpec
from app.config.gateway import GatewayConfig
from app.config.policy import Policy
from app.domain import NormalizedPrompt, RouteDecision, RouteTerms
from app.gateway import Gateway, Stages
from app.learn.journal import RouteJournal
from app.observe.logline import open_request_log
from app.observe.metrics import Metrics
from app.observe.telemetry import Telemetry
from app.observe.trace import Instruments
from app.ports import Backend, ComplexityRouter, Embedder, Verifier
from app.prompt.keys import KeyMaker
from app.prompt.normalizer import PromptNormalizer
from app.route.sessions import SessionTiers
from app.store.client import open_cache_store, open_store
from app.tiers.attempts import Attempts, Tier
from app.tiers.catalog import TierCatalog
from app.tiers.echo import EchoBackend
from tests.fakes import FakeEmbedder, FakeVerifier

PRICES = {"small": {"input": "1", "output": "2"}, "large": {"input": "10", "output": "20"}}
"""US dollars per million tokens: a token of `small` costs one or two micro-dollars."""
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
    """What a test may vary."""

    redis_url: str
    policy: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    backends: dict[str, Backend] = field(default_factory=dict)
    embedder: Embedder = field(default_factory=FakeEmbedder)
    router: ComplexityRouter | None = None
    verifier: Verifier = field(default_factory=FakeVerifier)
    keys: str = ""

    def gateway_config(self) -> GatewayConfig:
        """Two echo tiers, unless the test says otherwise."""
        tiers = [tier("small"), tier("large")]
        return GatewayConfig.model_validate({"tiers": tiers, "store": PATIENT, **self.config})

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
    url: str = ""


@asynccontextmanager
async def open_gateway(setup: Setup) -> AsyncGenerator[Running, None]:
    """Assemble local parts on the running loop."""
    config, exporter = setup.gateway_config(), InMemorySpanExporter()
    store = await open_store(setup.redis_url, config.store)
    cache_store = open_cache_store(setup.redis_url, config.store)
    backends = _backends(config, setup.backends)
    tiers = [Tier(spec, tuple(backends[name] for name in spec.backend_names())) for spec in config.tiers]
    stages = Stages(
        keys=KeyMaker(config.embedder.identity, config.answerers, setup.verifier.version),
        exact=ExactCache(cache_store),
        flights=Flights(cache_store),
        journal=CacheJournal(cache_store),
        routed=RouteJournal(cache_store),
        normalizer=PromptNormalizer(setup.embedder),
        semantic=RedisSemanticCache(cache_store, verifier=setup.verifier),
        router=setup.router or FakeRouter(),
        sessions=SessionTiers(cache_store),
        books=RedisBudgetLedger(store),
        ledger=RetryingLedger(RedisBudgetLedger(store)),
        attempts=Attempts(tiers),
        telemetry=_telemetry(exporter),
    )
    gateway = Gateway(stages, TierCatalog(config.tiers))
    gateway.reconfigure(setup.gateway_policy())
    checks = {"redis": store.ready, **{name: backend.ready for name, backend in backends.items()}}
    try:
        desk = CacheDesk.over(store, stages.journal)
        app = create_app(gateway, config, KeyRing.parse(setup.keys), checks, desk)
        yield Running(gateway, app, exporter, backends)
    finally:
        await stages.journal.flush()
        await stages.routed.flush()
        await store.close()
        await cache_store.close()


def _backends(config: GatewayConfig, given: dict[str, Backend]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for spec in config.tiers:
        for name, backend in zip(spec.backend_names(), spec.backends, strict=True):
            found[name] = given[name] if name in given else EchoBackend(_echo(backend), name)
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
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                running.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
                server = uvicorn.Server(uvicorn.Config(running.app, log_level="warning", lifespan="off"))
                serving = asyncio.ensure_future(server.serve(sockets=[listener]))
                while not server.started and not serving.done():
                    await asyncio.sleep(0.01)
                started.append(running)
                server_ready.set()
                while not stop.is_set() and not serving.done():
                    await asyncio.sleep(0.02)
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


def eventually(condition: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    """Whether `condition` comes true in time."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
