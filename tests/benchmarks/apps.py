"""What LeanServe is compared with, on the same Ray Serve: `python -m tests.benchmarks.apps RAY_ADDRESS SERVE_FILE`.

Beside the application of SERVE_FILE it deploys a no-op ingress at `/noop` and, for a file with a vLLM tier, Ray Serve's
own `OpenAiIngress` at `/openai` and LeanServe's ingress with every light stage inline at `/inline`: both call the
tier's one deployment. They stay when this process ends.
"""

import sys
from pathlib import Path
from typing import Any

import ray
from fastapi import FastAPI
from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle

from app.config.gateway import Placement, VllmBackend
from app.config.load import ServeFile, load
from deployments.ingress import Ingress
from deployments.tiers import deployment_name

APPLICATION = "leanserve"
OPTIONS = {"num_replicas": 1, "max_ongoing_requests": 256, "ray_actor_options": {"num_cpus": 0}}


class NoOp:
    """What a FastAPI ingress does at least: JSON in, JSON of `size` bytes out."""

    async def __serve_build_asgi_app__(self) -> FastAPI:
        """Ray Serve's hook, the one that LeanServe uses."""
        app = FastAPI()

        async def noop(body: dict[str, Any], size: int) -> dict[str, str]:
            return {"answer": "x" * (size - 13)}

        app.add_api_route("/", noop, methods=["POST"])
        return app


def noop() -> Application:
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


def _handle(backend: str) -> DeploymentHandle:
    return serve.get_deployment_handle(deployment_name(backend), APPLICATION)


def main(address: str, path: Path) -> None:
    """Deploy them and wait until they run."""
    file = load(path)
    ray.init(address=address, namespace="serve", log_to_driver=False)
    serve.run(noop(), name="noop", route_prefix="/noop")
    if isinstance(file.gateway.tiers[0].backends[0], VllmBackend):
        serve.run(openai_ingress(file), name="openai", route_prefix="/openai")
        serve.run(inline(file), name="inline", route_prefix="/inline")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
