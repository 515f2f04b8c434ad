"""Tiers: an engine behind the Backend port, one deployment per backend that runs in this cluster."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from functools import partial
from typing import Any

from ray import serve
from ray.serve import Application

from app.config.gateway import EchoBackend as EchoSpec
from app.config.gateway import StoreSpec, TierSpec, VllmBackend
from app.domain import BackendCall, Chunk
from app.tiers.echo import EchoBackend
from app.tiers.fuse import Fuses
from deployments.parts import open_grants


class EchoTier:
    """The echo backend as a deployment: for load and fault tests only."""

    def __init__(self, spec: EchoSpec, name: str, store: StoreSpec) -> None:
        self._backend = EchoBackend(spec, name)
        self._fuses = Fuses(partial(open_grants, store))

    async def send(self, call: BackendCall) -> AsyncGenerator[list[Chunk], None]:
        """See `app.ports.Backend`."""
        async with aclosing(self._fuses.guarded(call, partial(self._backend.send, call))) as batches:
            async for chunks in batches:
                yield chunks

    async def ready(self) -> bool:
        """See `app.ports.Backend`."""
        return await self._backend.ready()

    async def stats(self) -> dict[str, int]:
        """What was started, produced and aborted here."""
        return asdict(self._backend.stats())


def echo_tier(spec: EchoSpec, name: str, store: StoreSpec) -> Application:
    """The deployment of an echo backend."""
    options = {"name": deployment_name(name), "max_ongoing_requests": 1024, **spec.serve}
    application: Application = serve.deployment(EchoTier, **options).bind(spec, name, store)
    return application


def vllm_tier(tier: TierSpec, spec: VllmBackend, name: str, source: str, store: StoreSpec) -> Application:
    """The deployment of a vLLM backend under `ray.serve.llm`: parallelism, LoRA and autoscaling come with it."""
    from deployments.vllm import build  # noqa: PLC0415 - vllm is heavy, and absent from upstream-only set-ups

    return build(tier, spec, deployment_name(name), source, store)


def deployment_name(backend: str) -> str:
    """`small/vllm` is the deployment `Tier:small-vllm`."""
    return "Tier:" + backend.replace("/", "-")


def engine_options(spec: VllmBackend) -> dict[str, Any]:
    """The fields of `LLMConfig` from the configuration, with streaming that does not wait 50 ms for a batch."""
    options = dict(spec.llm)
    experimental = {"stream_batching_interval_ms": 0, **options.pop("experimental_configs", {})}
    return {**options, "experimental_configs": experimental}
