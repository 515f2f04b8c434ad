"""The time of a semantic hit, embedding and verification included, on one core."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.config.gateway import EmbedderSpec
from app.domain import CacheHit, Caller
from app.embed.sentence import SentenceEmbedder
from app.embed.source import find_embedder
from app.store.embedded import EmbeddedRedis
from app.verify.training.corpus import read_corpus
from app.verify.verifier import PairVerifier
from tests.benchmarks.caches.ours import KnownEmbedder, Ours
from tests.benchmarks.caches.sets import sample, save_embeddings
from tests.benchmarks.caches.spread import p50_p99, percentile
from tests.benchmarks.stand import say
from tests.benchmarks.summary import Row

ENTRIES = 2_000
WORDS = range(8, 17)
"""Of English questions: 10 to 20 tokens of MiniLM."""
P50_MS, P99_MS = 18, 45
TENANT = "bench"


def measure(data: Path, folder: Path, lookups: int) -> Row:
    """Against `ENTRIES` entries, asking `lookups` questions of which people said that one of them has the answer."""
    stored, asked = _questions(data, lookups)
    vectors = folder / "stored.npz"
    say(f"embedding {len(stored)} entries")
    save_embeddings(stored, vectors)
    with EmbeddedRedis(folder / "hits") as server:  # before this process is bound: it has the other core
        say("semantic hits")
        with one_core():
            hits, misses, embedding = asyncio.run(_timed(server.url, vectors, stored, asked))
    measured = hits or misses
    return Row(
        f"semantic hit, 10–20 tokens, one core: p50 ≤ {P50_MS}, p99 ≤ {P99_MS} ms",
        "embedding alone: torch 21 ms, int8 ONNX 8.5 ms",
        f"{p50_p99(measured)} ({len(hits)} hits of {len(asked)})",
        f"embedding of it {p50_p99(embedding)}",
        bool(hits) and percentile(hits, 50) <= P50_MS / 1e3 and percentile(hits, 99) <= P99_MS / 1e3,
        {"hits_s": hits, "misses_s": misses, "embedding_s": embedding},
        (f"semantic misses, embedding and verification included: {p50_p99(misses)} ({len(misses)})",) if misses else (),
    )


@contextmanager
def one_core() -> Iterator[None]:
    """This process and its threads on the last of the cores that it may use."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _questions(data: Path, lookups: int) -> tuple[list[str], list[str]]:
    """Of held-out pairs with one answer: what is stored, and what is asked about the first of them."""
    pairs = [
        pair
        for pair in read_corpus(data).pairs["validate"]
        if pair.kind == "qqp_pairs" and pair.label and len(pair.a.split()) in WORDS and len(pair.b.split()) in WORDS
    ]
    by_stored = {pair.a: pair.b for pair in sample(pairs, ENTRIES)}
    return list(by_stored), list(by_stored.values())[:lookups]


async def _timed(
    url: str, vectors: Path, stored: list[str], asked: list[str]
) -> tuple[list[float], list[float], list[float]]:
    """Seconds of the hits, of the misses, and of the embeddings in both."""
    verifier = PairVerifier.open()
    live = SentenceEmbedder.open(EmbedderSpec(), find_embedder(EmbedderSpec().model))
    filling, ours = Ours.open(url, KnownEmbedder(vectors), verifier), Ours.open(url, live, verifier)
    for text in stored:
        await filling.keep(TENANT, text, "kept")
    hits: list[float] = []
    misses: list[float] = []
    embedding: list[float] = []
    for text in asked:
        began = time.perf_counter()
        prompt = await ours.prompt(text)
        embedded = time.perf_counter()
        found = await ours.semantic.lookup(Caller(TENANT), prompt, ours.policy.cache)
        (hits if isinstance(found, CacheHit) else misses).append(time.perf_counter() - began)
        embedding.append(embedded - began)
    for each in (filling, ours):
        await each.close()
    return hits, misses, embedding
