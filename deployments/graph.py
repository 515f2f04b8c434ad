"""The whole graph on one screen. `build` is what `import_path` names in a Serve configuration."""

from typing import Any

import ray
from ray import serve
from ray.serve import Application
from ray.serve.config import DeploymentActorConfig

from app.config.gateway import EchoBackend, GatewayConfig, LightStage, StoreSpec, TierSpec, VllmBackend
from deployments.budget import BudgetActor
from deployments.cache import SemanticCacheDeployment
from deployments.ingress import Ingress
from deployments.normalizer import NormalizerDeployment
from deployments.parts import model_source, open_router
from deployments.router import ComplexityRouterDeployment
from deployments.tiers import echo_tier, vllm_tier

LIGHT_QUEUE = 512
"""Requests that a light stage takes at once; Serve's own default of 5 would stall the graph."""


def build(args: dict[str, Any]) -> Application:
    """Bind every deployment of a configuration.

    Raises pydantic's `ValidationError` for one that cannot be served, and `ConfigError` without the router's head or
    with an embedder that it cannot read.
    """
    config = GatewayConfig.model_validate(args)
    open_router(config.embedder)
    stages = {
        "normalizer": _stage(config, "normalizer", NormalizerDeployment, "Normalizer"),
        "semantic_cache": _stage(config, "semantic_cache", SemanticCacheDeployment, "SemanticCache"),
        "router": _stage(config, "router", ComplexityRouterDeployment, "ComplexityRouter"),
    }
    tiers = {name: app for tier in config.tiers for name, app in _backends(tier, config.store).items()}
    return _ingress(config).bind(config, tiers=tiers, **stages)


def _ingress(config: GatewayConfig) -> serve.Deployment:
    """With the budget actor in its scope. An empty policy is a policy too: Serve then calls `reconfigure` at start."""
    budget = DeploymentActorConfig(
        name="budget",
        actor_class=ray.remote(BudgetActor),
        init_kwargs={"config": config.model_dump(mode="json")},
        actor_options={"num_cpus": 0},
    )
    options = {"max_ongoing_requests": 1024, "user_config": {}, **config.serve.get("ingress", {})}
    return serve.deployment(serve.ingress()(Ingress), name="Ingress", deployment_actors=[budget], **options)


def _stage(config: GatewayConfig, stage: LightStage, deployment: type, name: str) -> Application | None:
    """A light stage as a deployment of its own, or None where the ingress holds it inline."""
    if getattr(config.placement, stage) == "inline":
        return None
    options = {"max_ongoing_requests": LIGHT_QUEUE, **config.serve.get(stage, {})}
    return serve.deployment(deployment, name=name, **options).bind(config)


def _backends(tier: TierSpec, store: StoreSpec) -> dict[str, Application]:
    """The backends of a tier that run in this cluster; upstreams over HTTP are the ingress's own clients."""
    found: dict[str, Application] = {}
    for name, spec in zip(tier.backend_names(), tier.backends, strict=True):
        if isinstance(spec, EchoBackend):
            found[name] = echo_tier(spec, name, store)
        elif isinstance(spec, VllmBackend):
            found[name] = vllm_tier(tier, spec, name, model_source(tier.model), store)
    return found
