"""The time of a decision once the prompt is embedded: the inline router, as the ingress calls it."""

import time
from collections.abc import Sequence

import numpy as np

from app.config.routing import RoutingPolicy
from app.domain import MicroUsd, RouteTerms, TierTerms
from app.embed.batching import Encode
from app.route.complexity import ComplexityRouter
from app.route.heads import load_head
from tests.benchmarks.caches.spread import percentile
from tests.benchmarks.summary import Row

GOAL_MS = 0.5
WARM_UP = 50
SENTENCE = "If a train leaves the station at 10:15 and travels 80 km at 64 km/h, when does it arrive, and why? "
LENGTHS = {"short": SENTENCE[:40], "medium": SENTENCE * 6, "long": SENTENCE * 2_000}
"""40, 600 and 200,000 characters."""
TERMS = RouteTerms(tuple(TierTerms(name, c, MicroUsd(1)) for name, c in (("small", 0), ("medium", 0.5), ("large", 1))))


def measure(encode: Encode, decisions: int) -> Row:
    """So many decisions of each length, in turns."""
    router, vectors = ComplexityRouter(load_head()), encode(list(LENGTHS.values()))
    asked = list(zip(LENGTHS, LENGTHS.values(), vectors, strict=True))
    seconds: dict[str, list[float]] = {name: [] for name in LENGTHS}
    for number in range(WARM_UP + decisions):
        for name, text, vector in asked:
            began = time.perf_counter()
            router.judge(vector, text, TERMS, RoutingPolicy())
            if number >= WARM_UP:
                seconds[name].append(time.perf_counter() - began)
    return _row(seconds)


def _row(seconds: dict[str, list[float]]) -> Row:
    slowest = max(seconds.values(), key=np.median)
    sizes = ", ".join(f"{len(text):,}" for text in LENGTHS.values())
    return Row(
        f"decision beyond the embedding: p50 ≤ {GOAL_MS} ms",
        "",
        ", ".join(f"{name} {_shown(values)}" for name, values in seconds.items()),
        "p50 / p99",
        percentile(slowest, 50) <= GOAL_MS / 1e3,
        {"seconds": seconds},
        (f"decision: {len(slowest)} of each length: {sizes} characters",),
        sure=percentile(slowest, 99) <= GOAL_MS / 1e3 or percentile(slowest, 50) > GOAL_MS / 1e3,
    )


def _shown(values: Sequence[float]) -> str:
    return f"{percentile(values, 50) * 1e3:.3f} / {percentile(values, 99) * 1e3:.3f} ms"
