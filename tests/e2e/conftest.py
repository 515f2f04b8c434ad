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


def _home() -> Path:
    return Path(os.environ.get("LEANSERVE_HOME", ROOT / ".leanserve")).absolute()


FEATURES: dict[str, Any] = {
    "drafts": {"routing": {"cascade": {"enabled": True, "min_confidence": 0.999}}},
    "trusted": {"routing": {"cascade": {"enabled": True, "min_confidence": 0.01}}},
    "watched": {"routing": {"shadow": 1.0}},
}
"""A cascade that no answer satisfies, one that any does, and shadow calls for all."""


@pytest.fixture(scope="package")
def local(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """`configs/local.yaml` with `FEATURES`, and one more tenant, `tiny`, who may spend next to nothing."""
    missing = [model for model in MODELS if not Path(resolve(model, _home())).is_dir()]
    if missing:
        pytest.skip(f"models not pulled: {', '.join(missing)} (run `make models`)")
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    found: dict[str, Any] = document("local.yaml")
    policy = found["applications"][0]["deployments"][0]["user_config"]
    policy["budgets"].append({"scope": "tenant", "name": "tiny", "tokens": 400, "window": "day"})
    policy["features"] |= FEATURES
    threads = {"OMP_NUM_THREADS": str(os.cpu_count() or 1), "VLLM_NO_USAGE_STATS": "1"}
    with launched(found, tmp_path_factory.mktemp("local"), redis_url, **threads) as running:
        yield running
