"""The parts of the graph, opened on what a replica finds in its environment: secrets and addresses come from there."""

import asyncio
import os
import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
from ray.serve.context import _get_global_client

from app.budget.grants import RedisGrants
from app.budget.leases import RedisLeases
from app.budget.ledger import RedisBudgetLedger
from app.budget.marks import Marks
from app.budget.retrying import RetryingLedger
from app.budget.signature import WEBHOOK_SECRET, webhook_key
from app.budget.stops import RedisStops
from app.cache.semantic import RedisSemanticCache
from app.config.gateway import EmbedderSpec, GatewayConfig, OpenAIBackend, StoreSpec
from app.embed.source import find_embedder
from app.ledger.describing import Describing
from app.ledger.folder import NAMELESS, ledger_name, spool_folder, writable
from app.ledger.lost import Sweeper
from app.ledger.posting import Posting
from app.ledger.recorder import Recorder
from app.ledger.spool import Spool
from app.models.pull import resolve
from app.observe.telemetry import Telemetry, open_telemetry
from app.ports import Backend, Verifier
from app.route.complexity import ComplexityRouter
from app.route.heads import check_embedder, load_head
from app.spending import Stored, Treasury
from app.store.client import DEFAULT_REDIS_URL, Store, open_grant_store
from app.store.client import open_cache_store as connect_cache
from app.store.client import open_record_store as connect_records
from app.store.client import open_store as connect
from app.tiers.attempts import Tier
from app.tiers.openai_upstream import OpenAIBackend as Upstream
from deployments.logs import log_with_serve

if TYPE_CHECKING:
    from app.prompt.counting.counter import InputCounter
    from app.prompt.normalizer import PromptNormalizer

DEFAULT_HOME = ".leanserve"
ALL_INTERFACES = "0.0.0.0"  # noqa: S104 - what Ray's HAProxy binds where no host is named
clock = time.monotonic


async def open_store(config: GatewayConfig) -> Store:
    """The store at `REDIS_URL`."""
    return await connect(os.environ.get("REDIS_URL", DEFAULT_REDIS_URL), config.store, clock=clock)


def open_cache_store(config: GatewayConfig) -> Store:
    """The same Redis for the caches: a shorter time-out, connections and a breaker of its own."""
    return connect_cache(os.environ.get("REDIS_URL", DEFAULT_REDIS_URL), config.store, clock=clock)


def open_record_store(config: GatewayConfig) -> Store:
    """The same Redis for the records of requests, which nobody waits for."""
    return connect_records(os.environ.get("REDIS_URL", DEFAULT_REDIS_URL), config.store, clock=clock)


async def open_recording(config: GatewayConfig, store: Store, telemetry: Telemetry) -> tuple[Recorder, Sweeper]:
    """Who records the requests of this replica, and who books what dead ones of this node left.

    `store` is theirs alone. Spools lie in the folder LEANSERVE_SPOOL, else in `spool` below LEANSERVE_HOME.
    """
    home = Path(os.environ.get("LEANSERVE_HOME", DEFAULT_HOME))
    base, posting = writable(spool_folder(os.environ, home)), Posting(store)
    folder = base / await ledger_name(store)
    describe = Describing(config.tiers, _counter(config) if config.exact_parts else None)
    recorder = Recorder(
        Spool(folder), posting, describe=describe, dropped=telemetry.record_dropped, replica=telemetry.replica
    )
    return recorder, Sweeper({folder, base / NAMELESS}, posting, RedisGrants(store).noted)


def open_treasury(store: Store, telemetry: Telemetry, stored: Stored) -> Treasury:
    """The ledger of a replica, under a name that no other replica has, not even the same one after a restart.

    Raises `ConfigError` for a webhook secret that is none.
    """
    holder = f"{os.getpid()}-{uuid4().hex}"
    key = webhook_key(os.environ.get(WEBHOOK_SECRET, ""))
    marks = Marks(telemetry.mark_passed, httpx.AsyncClient(), sleep=asyncio.sleep, key=key)
    ledger = RedisBudgetLedger(store, holder=holder, tell=marks.told, clock=clock)
    insisting, leases, stops = RetryingLedger(ledger), open_leases(store), RedisStops(store)
    return Treasury(insisting, ledger, leases, stops, marks, holder, stored, insisting.drain)


def open_grants(spec: StoreSpec) -> RedisGrants:
    """What that ledger granted, for a replica of an engine."""
    return RedisGrants(open_grant_store(os.environ.get("REDIS_URL", DEFAULT_REDIS_URL), spec, clock=clock))


async def http_host() -> str:
    """What HTTP is bound to, as Ray Serve has it: its options are not the application's."""
    client = await asyncio.to_thread(_get_global_client)  # it blocks
    return str(client.http_config.host or ALL_INTERFACES)


def open_leases(store: Store) -> RedisLeases:
    """Who holds in that ledger and is alive."""
    return RedisLeases(store, clock=clock)


async def open_semantic_cache(config: GatewayConfig) -> RedisSemanticCache:
    """The semantic cache with a connection of its own."""
    return RedisSemanticCache(open_cache_store(config), verifier=open_verifier(config))


def open_verifier(config: GatewayConfig) -> Verifier:
    """The packaged verifier, on as many threads as the embedder: a second to load."""
    from app.verify.verifier import PairVerifier  # noqa: PLC0415 - onnxruntime, only where it runs

    return PairVerifier.open(config.embedder.threads)


def verifier_version() -> str:
    """That of the packaged verifier, which need not be in this process."""
    from app.verify.verifier import packaged_version  # noqa: PLC0415 - numpy, once

    return packaged_version()


def open_normalizer(config: GatewayConfig) -> "PromptNormalizer":
    """The normalizer with its embedder and the tiers' tokenizers loaded: seconds.

    With torch for an embedder that is no BERT. Tokenizers that are not here are fetched from the hub meanwhile.
    """
    from app.embed.sentence import SentenceEmbedder  # noqa: PLC0415 - onnxruntime, only where it runs
    from app.prompt.normalizer import PromptNormalizer  # noqa: PLC0415

    spec, counter = config.embedder, _counter(config)
    if counter.missing:
        Thread(target=counter.fetch, name="fetch-tokenizers", daemon=True).start()
    return PromptNormalizer(SentenceEmbedder.open(spec, find_embedder(spec.model)), counter)


def open_router(embedder: EmbedderSpec) -> ComplexityRouter:
    """The router with its packaged head. Raises `ConfigError` where that cannot be loaded or read `embedder`."""
    check_embedder(embedder)
    return ComplexityRouter(load_head())


def open_replica_telemetry() -> Telemetry:
    """Telemetry of this process; the standard OpenTelemetry variables say where spans go."""
    log_with_serve()
    return open_telemetry("leanserve", os.environ, uuid4().hex[:8])


def open_backends(config: GatewayConfig, remote: dict[str, Backend]) -> list[Tier]:
    """Every tier with its backends in order: `remote` ones of this cluster, HTTP upstreams opened here."""
    return [
        Tier(
            tier,
            tuple(
                _upstream(spec, name) if isinstance(spec, OpenAIBackend) else remote[name]
                for name, spec in zip(tier.backend_names(), tier.backends, strict=True)
            ),
        )
        for tier in config.tiers
    ]


def _upstream(spec: OpenAIBackend, name: str) -> Backend:
    key = os.environ.get(spec.api_key_env, "") if spec.api_key_env else ""
    return Upstream.open(spec, name, key)


def _counter(config: GatewayConfig) -> "InputCounter":
    """By the tokenizers of the tiers."""
    from app.prompt.counting.counter import InputCounter  # noqa: PLC0415 - tokenizers and jinja2

    return InputCounter.open(config.tiers, model_source)


def model_source(model: str) -> str:
    """Where the engine loads a model from: pulled files under `LEANSERVE_HOME`, else its hub id."""
    return resolve(model, Path(os.environ.get("LEANSERVE_HOME", DEFAULT_HOME)).absolute())
