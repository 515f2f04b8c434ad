"""What LeanServe is compared with on its Ray Serve: `python -m tests.benchmarks.apps RAY_ADDRESS SERVE_FILE NAME…`.

Beside the application of SERVE_FILE it deploys those that are named, each at `/NAME`: `noop` is an ingress that does
nothing; `openai` (for a vLLM tier) Ray Serve's own `OpenAiIngress`; `inline` LeanServe's ingress with every light stage
inline; `dark` the same with none, that records and tells nothing. The last three call the tiers' one deployment. They
stay when this process ends.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ray
from fastapi import FastAPI
from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle

from app.config.gateway import Placement
from app.config.load import ServeFile, load
from deployments.ingress import Ingress
from deployments.tiers import deployment_name

APPLICATION = "leanserve"
OPTIONS = {"num_replicas": 1, "max_ongoing_requests": 256, "ray_actor_options": {"num_cpus": 0}}
LIGHT = {"normalizer": "Normalizer", "semantic_cache": "SemanticCache", "router": "ComplexityRouter"}


class NoOp:
    """What a FastAPI ingress does at least: JSON in, JSON of `size` bytes out."""

    async def __serve_build_asgi_app__(self) -> FastAPI:
        """Ray Serve's hook, the one that LeanServe uses."""
        app = FastAPI()

        async def noop(body: dict[str, Any], size: int) -> dict[str, str]:
            return {"answer": "x" * (size - 13)}

        app.add_api_route("/", noop, methods=["POST"])
        return app


def noop(_file: ServeFile) -> Application:
    """See `NoOp`."""
    return serve.deployment(serve.ingress()(NoOp), name="NoOp", **OPTIONS).bind()


def inline(file: ServeFile) -> Application:
    """LeanServe's ingress holding the light stages itself."""
    placement = Placement(normalizer="inline", semantic_cache="inline", router="inline")
    config = file.gateway.model_copy(update={"placement": placement})
    options = {**OPTIONS, "user_config": file.policy.model_dump(mode="json")}
    deployment = serve.deployment(serve.ingress()(Ingress), name="Ingress", **options)
    return deployment.bind(config, tiers={name: _handle(name) for name in config.tiers[0].backend_names()})


def openai_ingress(file: ServeFile) -> Application:
    """`ray.serve.llm`'s ingress, as `build_openai_app` makes it, over the handle of our tier."""
    from ray.llm._internal.serve.core.configs.openai_api_models import ModelCard  # vllm is heavy
    from ray.serve.llm.ingress import OpenAiIngress, make_fastapi_ingress

    tier = file.gateway.tiers[0]
    card = ModelCard(id=tier.model, object="model", owned_by="local", permission=[], metadata={})
    return serve.deployment(make_fastapi_ingress(OpenAiIngress), name="OpenAiIngress", **OPTIONS).bind(
        llm_deployments={tier.model: _handle(tier.backend_names()[0])}, model_cards={tier.model: card}
    )


def dark(file: ServeFile) -> Application:
    """LeanServe's ingress unobserved, over all that the application has."""
    from tests.benchmarks.dark import DarkIngress

    options = {**OPTIONS, "user_config": file.policy.model_dump(mode="json")}
    deployment = serve.deployment(serve.ingress()(DarkIngress), name="Ingress", **options)
    light = {name: serve.get_deployment_handle(deployed, APPLICATION) for name, deployed in LIGHT.items()}
    tiers = {name: _handle(name) for tier in file.gateway.tiers for name in tier.backend_names()}
    return deployment.bind(file.gateway, tiers=tiers, **light)


def _handle(backend: str) -> DeploymentHandle:
    return serve.get_deployment_handle(deployment_name(backend), APPLICATION)


APPS: dict[str, Callable[[ServeFile], Application]] = {
    "noop": noop,
    "openai": openai_ingress,
    "inline": inline,
    "dark": dark,
}


def main(address: str, path: Path, names: Sequence[str]) -> None:
    """Deploy them and wait until they run."""
    file = load(path)
    ray.init(address=address, namespace="serve", log_to_driver=False)
    for name in names:
        serve.run(APPS[name](file), name=name, route_prefix=f"/{name}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
