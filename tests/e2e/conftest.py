"""Two real models on real vLLM, started as `leanserve up` starts them. One start for all tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from app.models.pull import resolve
from tests.serve.conftest import ROOT, Cluster, document, launched

MODELS = ("SmolLM2-135M-Instruct", "Qwen2.5-Coder-0.5B-Instruct")


def home() -> Path:
    """Where the models are."""
    return Path(os.environ.get("LEANSERVE_HOME", ROOT / ".leanserve")).absolute()


FEATURES: dict[str, Any] = {
    "drafts": {"routing": {"cascade": {"enabled": True, "min_confidence": 0.999}}},
    "trusted": {"routing": {"cascade": {"enabled": True, "min_confidence": 0.01}}},
    "watched": {"routing": {"shadow": 1.0}},
}
"""A cascade that no answer satisfies, one that any does, and shadow calls for all."""


STOPPED = {f"stopped-{i}": 90 + 7 * i for i in range(10)}
"""Tenants and their tokens."""


def counts_in(folder: Path) -> Path:
    """Where the engines of a graph started from `folder` write down what they make."""
    return folder / "counts"


def made(cluster: Cluster, request_id: str) -> int:
    """Tokens that the models of `local` made for a request."""
    lines = counts_in(cluster.config.parent).read_text().splitlines()
    found = (line.rpartition(" ") for line in lines)
    return sum(int(tokens) for name, _, tokens in found if request_id in name)


@pytest.fixture(scope="package")
def local(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """`configs/local.yaml` with `FEATURES`, and tenants who may spend little: `tiny`, and `STOPPED`.

    The engines write down what they make (`tests.e2e.noting_scheduler.py`).
    """
    missing = [model for model in MODELS if not Path(resolve(model, home())).is_dir()]
    if missing:
        pytest.skip(f"models not pulled: {', '.join(missing)} (run `make models`)")
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    found: dict[str, Any] = document("local.yaml")
    policy = found["applications"][0]["deployments"][0]["user_config"]
    policy["budgets"].append({"tenant": "tiny", "tokens": 400, "window": "day"})
    policy["budgets"] += [{"tenant": name, "tokens": amount, "window": "day"} for name, amount in STOPPED.items()]
    policy["features"] |= FEATURES
    for tier in found["applications"][0]["args"]["tiers"]:
        tier["backends"][0]["llm"]["engine_kwargs"]["scheduler_cls"] = "tests.e2e.noting_scheduler.gated"
    folder = tmp_path_factory.mktemp("local")
    environ = {"OMP_NUM_THREADS": str(os.cpu_count() or 1), "VLLM_NO_USAGE_STATS": "1"}
    with launched(found, folder, redis_url, **environ, LEANSERVE_COUNTS=str(counts_in(folder))) as running:
        yield running
