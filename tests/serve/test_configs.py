"""Every shipped configuration builds its graph, under Ray Serve's own schema and with options that the engine knows."""

import asyncio
import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.llm._internal.common.callbacks.base import CallbackBase
from ray.serve._private.build_app import build_app
from ray.serve.schema import ServeDeploySchema

from app.config.gateway import VllmBackend
from app.config.load import load
from deployments.graph import build

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
PREFIX_AWARE = "deployments.affinity.PrefixAffinityRouter"
LIGHT = {"Ingress", "Normalizer", "SemanticCache", "ComplexityRouter"}


class OwnCallback(CallbackBase):  # type: ignore[misc]
    """An operator's."""


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    """`build_llm_deployment` asks for Ray's runtime context, which would start a Ray and leave it running: end one."""
    folder = tempfile.mkdtemp(prefix="leanserve-")
    ray.init(
        address="local",
        num_cpus=0,
        object_store_memory=80_000_000,
        include_dashboard=False,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        _temp_dir=str(Path(folder) / "ray"),
    )
    yield
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def built(path: Path) -> dict[str, Any]:
    """The graph's deployments by name."""
    application = build(load(path).document["applications"][0]["args"])
    return {each.name: each for each in build_app(application, name="leanserve").deployments}


@pytest.fixture(scope="module")
def gpu(local_ray: None) -> dict[str, Any]:
    """The deployments of gpu.yaml."""
    return built(next(path for path in CONFIGS if path.name == "gpu.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_ray_serves_schema_takes_every_configuration(path: Path) -> None:
    """What `serve run` validates first."""
    schema = ServeDeploySchema.model_validate(load(path).document)
    assert schema.applications[0].import_path == "deployments.graph:build"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_graph_builds(path: Path, local_ray: None) -> None:
    """A deployment for each backend in the cluster and each light stage, and every name that the file overrides."""
    found, file = built(path), load(path)
    tiers = {name for name in found if name.startswith("Tier:")}
    backends = [spec for tier in file.gateway.tiers for spec in tier.backends if spec.kind != "openai"]
    assert found.keys() - tiers == LIGHT
    assert len(tiers) == len(backends)
    overridden = {each["name"] for each in file.document["applications"][0]["deployments"]}
    assert overridden <= found.keys()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_deployment_has_a_queue_of_its_own(path: Path, local_ray: None) -> None:
    """Ray Serve's default of 5 ongoing requests would stall the graph."""
    assert all(each._deployment_config.max_ongoing_requests >= 64 for each in built(path).values())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_the_engine_knows_every_argument(path: Path) -> None:
    """No typo survives in `engine_kwargs` or in `speculative_config`."""
    from ray.llm._internal.serve.engines.vllm.vllm_models import FrontendArgs
    from vllm.config import SpeculativeConfig
    from vllm.engine.arg_utils import AsyncEngineArgs

    known = {field.name for kind in (AsyncEngineArgs, FrontendArgs) for field in dataclasses.fields(kind)}
    speculative = {field.name for field in dataclasses.fields(SpeculativeConfig)}
    for tier in load(path).gateway.tiers:
        for spec in tier.backends:
            arguments = spec.llm.get("engine_kwargs", {}) if isinstance(spec, VllmBackend) else {}
            assert arguments.keys() <= known, tier.name
            assert arguments.get("speculative_config", {}).keys() <= speculative, tier.name
            assert arguments.get("max_model_len", tier.context_tokens) == tier.context_tokens, tier.name


def test_gpu_tiers_scale_between_limits(gpu: dict[str, Any]) -> None:
    """Limits and targets of every tier, and of every light stage, reach Ray Serve."""
    scaling = {name: each._deployment_config.autoscaling_config for name, each in gpu.items()}
    limits = {
        name: (each.min_replicas, each.max_replicas, each.target_ongoing_requests) for name, each in scaling.items()
    }
    assert limits == {
        "Tier:small-vllm": (1, 8, 48),
        "Tier:medium-vllm": (1, 6, 32),
        "Tier:large-vllm": (1, 4, 24),
        "Ingress": (2, 16, 200),
        "Normalizer": (2, 16, 24),
        "SemanticCache": (2, 8, 64),
        "ComplexityRouter": (2, 8, 64),
    }


def test_gpu_tiers_are_placed_on_their_accelerators(gpu: dict[str, Any]) -> None:
    """One L4, one H100, and four H100 of one node for tensor parallelism."""
    placed = {
        name: [bundle for bundle in each._replica_config.placement_group_bundles if bundle.get("GPU")]
        for name, each in gpu.items()
        if name.startswith("Tier:")
    }
    assert {name: len(bundles) for name, bundles in placed.items()} == {
        "Tier:small-vllm": 1,
        "Tier:medium-vllm": 1,
        "Tier:large-vllm": 4,
    }
    assert all("accelerator_type:L4" in bundle for bundle in placed["Tier:small-vllm"])
    assert all(
        "accelerator_type:H100" in bundle for bundle in [*placed["Tier:medium-vllm"], *placed["Tier:large-vllm"]]
    )
    assert gpu["Tier:large-vllm"]._replica_config.placement_group_strategy == "STRICT_PACK"


def test_gpu_tiers_route_by_prefix(gpu: dict[str, Any]) -> None:
    """Every vLLM tier, by a class that imports."""
    tiers = [each for name, each in gpu.items() if name.startswith("Tier:")]
    routers = [each._deployment_config.request_router_config for each in tiers]
    assert {router.request_router_class for router in routers} == {PREFIX_AWARE}
    assert all(callable(router.get_request_router_class().choose_replicas) for router in routers)


@pytest.mark.parametrize("given", [False, True])
def test_only_what_is_not_here_is_fetched(local_ray: None, tmp_path: Path, given: bool) -> None:
    """Unless the operator's own callback does something else."""
    from deployments.vllm import build as build_vllm

    gateway = load(next(path for path in CONFIGS if path.name == "local.yaml")).gateway
    tier = gateway.tiers[0]
    spec = tier.backends[0]
    assert isinstance(spec, VllmBackend)
    own = {"callback_config": {"callback_class": "tests.serve.test_configs:OwnCallback"}} if given else {}
    spec = spec.model_copy(update={"llm": {**spec.llm, **own}})
    found = {}
    for source in (str(tmp_path), "some/model"):
        application = build_vllm(tier, spec, "Tier:small-vllm", source, gateway.store)
        found[source] = application._bound_deployment.init_kwargs["llm_config"].get_or_create_callback()
    for callback in found.values():
        asyncio.run(callback.on_before_node_init())
    fetched = {source: callback.ctx.run_init_node for source, callback in found.items()}
    assert fetched == {str(tmp_path): given, "some/model": True}
    assert all(isinstance(callback, OwnCallback) == given for callback in found.values())


def test_gpu_tiers_have_lora_and_speculation(gpu: dict[str, Any]) -> None:
    """LoRA on small, n-grams on medium, a draft model on large, prefix caching on all."""
    configs = {name: each.init_kwargs["llm_config"] for name, each in gpu.items() if name.startswith("Tier:")}
    small, medium, large = (configs[f"Tier:{name}-vllm"] for name in ("small", "medium", "large"))
    assert small.multiplex_config().max_num_models_per_replica == small.lora_config.max_num_adapters_per_replica == 8
    assert small.engine_kwargs["enable_lora"]
    assert medium.engine_kwargs["speculative_config"]["method"] == "ngram"
    assert large.engine_kwargs["speculative_config"]["model"]
    assert large.get_engine_config().tensor_parallel_degree == 4
    assert all(config.engine_kwargs["enable_prefix_caching"] for config in configs.values())
    assert all(config.experimental_configs["stream_batching_interval_ms"] == 0 for config in configs.values())
