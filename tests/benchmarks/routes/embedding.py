"""The embedder under a steady load on one core: requests arrive by chance and share batches."""

import asyncio
import random
import time
from collections.abc import Sequence
from itertools import islice

from app.config.gateway import EmbedderSpec
from app.embed.sentence import SentenceEmbedder
from app.embed.source import find_embedder
from tests.benchmarks.caches.hits import one_core
from tests.benchmarks.caches.spread import p50_p99, percentile
from tests.benchmarks.latency import prompts
from tests.benchmarks.summary import Row

RATE = 50
P99_MS = 40
SEED = 4


def measure(seconds: float) -> Row:
    """`RATE` requests a second, each counted from the moment at which it was due: a queue is part of its time."""
    due = arrivals(seconds)
    texts = list(islice(prompts(SEED), len(due)))
    with one_core():
        taken = asyncio.run(_taken(due, texts))
    return Row(
        f"embedding with batching, {RATE} requests/s, one core: p99 ≤ {P99_MS} ms",
        "one alone: torch 21 ms",
        p50_p99(taken),
        f"{len(taken)} requests in {seconds:g} s",
        percentile(taken, 99) <= P99_MS / 1e3,
        {"seconds": taken},
        (f"embedding: arrivals of a Poisson process, prompts of about {len(texts[0].split())} words",),
    )


def arrivals(seconds: float) -> list[float]:
    """When each request is due: exponential gaps of 1 / `RATE` in the mean."""
    source, now, due = random.Random(SEED), 0.0, []
    while (now := now + source.expovariate(RATE)) < seconds:
        due.append(now)
    return due


async def _taken(due: Sequence[float], texts: Sequence[str]) -> list[float]:
    spec = EmbedderSpec()
    embedder = SentenceEmbedder.open(spec, find_embedder(spec.model))
    await asyncio.gather(*(embedder.embed([text]) for text in texts[:8]))
    began = time.perf_counter()

    async def ask(at: float, text: str) -> float:
        await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
        await embedder.embed([text])
        return time.perf_counter() - began - at

    try:
        return await asyncio.gather(*(ask(at, text) for at, text in zip(due, texts, strict=True)))
    finally:
        embedder.close()
