"""One tenant's entries as they grow: lookup, memory and recall, drawn on to ten million."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from app.cache.entries import short_id
from app.cache.semantic import RedisSemanticCache
from app.config.policy import CachePolicy
from app.domain import Caller, NormalizedPrompt, PromptKeys
from app.store.client import Store, open_cache_store
from app.store.embedded import EmbeddedRedis
from tests.benchmarks.caches.ours import PATIENT, as_answer
from tests.benchmarks.caches.sets import questions, save_embeddings
from tests.benchmarks.caches.spread import drawn_on, percentile
from tests.benchmarks.stand import say
from tests.benchmarks.summary import Row
from tests.fakes import FakeVerifier

SIZES = (25_000, 50_000, 100_000, 200_000)
MILLION, TEN_MILLION = 1_000_000, 10_000_000
SEEDS = 10_000
"""Different questions; every entry is one of them with noise, as if people had worded it otherwise."""
NOISE = (0.2, 0.8)
"""Of the noise's length to the question's: cosines from .98 down to .78 to it."""
QUERIES = 500
NEIGHBOURS = 4
WRITERS = 8
P99_MS, BYTES, RECALL = 5.0, 2048, 0.98
CALLER, CONTEXT = Caller("bench"), sha256(b"context").hexdigest()
POLICY = CachePolicy(threshold=0.7, max_entries=TEN_MILLION, candidates=NEIGHBOURS)
"""Without the verifier: its time does not grow."""
ANSWER = as_answer("An answer of a usual length is some hundred tokens, and all of it is beside the point here. " * 5)

Vectors = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Size:
    """At one size: milliseconds, bytes an entry beside the answer, recall@4, and, where measured, stores a second."""

    entries: int
    p50_ms: float
    p99_ms: float
    bytes: float
    recall: float
    stores_s: float | None = None

    def __str__(self) -> str:
        times = f"{self.entries:,}: lookup {self.p50_ms:.2f} / {self.p99_ms:.2f} ms"
        shown = f"{times}, {self.bytes:,.0f} bytes, recall@{NEIGHBOURS} {self.recall:.4f}"
        return shown if self.stores_s is None else f"{shown}, {self.stores_s:.0f} stores/s"


def measure(data: Path, folder: Path, sizes: Sequence[int]) -> Row:
    """Fill one vector set through the cache itself, and stop at each size."""
    texts = questions(data, SEEDS)
    say(f"embedding {len(texts)} questions")
    save_embeddings(texts, folder / "questions.npz")
    seeds = np.load(folder / "questions.npz")["rows"]
    with EmbeddedRedis(folder / "growth") as server:
        found = asyncio.run(_grown(server.url, texts, seeds, sizes))
    million, ten_million = _at(found, MILLION), _at(found, TEN_MILLION)
    return Row(
        f"a million entries: p99 ≤ {P99_MS:.0f} ms, ≤ {BYTES} bytes beside the answer, recall ≥ {RECALL}",
        "a vector set alone, 100,000: 2.3 ms, 1,160 bytes",
        str(found[-1]),
        str(million),
        million.p99_ms <= P99_MS and million.bytes <= BYTES and million.recall >= RECALL,
        {"sizes": [asdict(each) for each in found], "drawn_on": [asdict(million), asdict(ten_million)]},
        (*map(str, found), *(f"drawn on to {each}" for each in (million, ten_million))),
    )


def noisy(seeds: Vectors, count: int, seed: int) -> tuple[np.ndarray[Any, Any], Vectors]:
    """Which question each is a wording of, and its unit vector, shape (count, dimensions)."""
    source = np.random.default_rng(seed)
    which = source.integers(0, len(seeds), count)
    strength = source.uniform(*NOISE, (count, 1)).astype("<f4")
    rows = source.standard_normal((count, seeds.shape[1]), dtype=np.float32)
    rows *= strength / np.float32(np.sqrt(seeds.shape[1]))
    rows += seeds[which]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return which, rows


async def _grown(url: str, texts: Sequence[str], seeds: Vectors, sizes: Sequence[int]) -> list[Size]:
    store = open_cache_store(url, PATIENT)
    cache = RedisSemanticCache(store, verifier=FakeVerifier())
    which, rows = noisy(seeds, max(sizes), 1)
    _, queries = noisy(seeds, QUERIES, 2)
    empty, done, found = await _used(store), 0, []
    for size in sorted(sizes):
        say(f"growing to {size:,}")
        began = time.perf_counter()
        await _fill(cache, texts, which, rows, range(done, size))
        seconds, stored, done = time.perf_counter() - began, size - done, size
        found.append(await _size(store, cache, rows[:size], queries, empty, stored / seconds))
        say(str(found[-1]))
    await store.close()
    return found


async def _fill(
    cache: RedisSemanticCache, texts: Sequence[str], which: np.ndarray[Any, Any], rows: Vectors, numbers: range
) -> None:
    async def writer(part: range) -> None:
        for number in part:
            text = f"{texts[which[number]]} {number}"
            await cache.store(CALLER, _prompt(number, text, rows[number].tobytes()), ANSWER, POLICY)

    await asyncio.gather(*(writer(numbers[start::WRITERS]) for start in range(WRITERS)))


async def _size(
    store: Store, cache: RedisSemanticCache, rows: Vectors, queries: Vectors, empty: int, stores_s: float
) -> Size:
    seconds = [await _seconds(cache, query.tobytes()) for query in queries]
    near = [await cache._near(CALLER.tenant, _prompt(-1, "", query.tobytes()), NEIGHBOURS) for query in queries]
    exact = np.argsort(-(queries @ rows.T), axis=1)[:, :NEIGHBOURS]
    right = sum(len(set(got) & {short_id(_key(i)) for i in wanted}) for got, wanted in zip(near, exact, strict=True))
    answer = len(msgspec.json.encode(ANSWER.body))
    return Size(
        len(rows),
        percentile(seconds, 50) * 1e3,
        percentile(seconds, 99) * 1e3,
        (await _used(store) - empty) / len(rows) - answer,
        right / len(queries) / NEIGHBOURS,
        stores_s,
    )


async def _seconds(cache: RedisSemanticCache, embedding: bytes) -> float:
    began = time.perf_counter()
    await cache.lookup(CALLER, _prompt(-1, "asked", embedding), POLICY)
    return time.perf_counter() - began


def _prompt(number: int, text: str, embedding: bytes) -> NormalizedPrompt:
    return NormalizedPrompt(text, PromptKeys(_key(number), CONTEXT, CONTEXT), 16, embedding)


def _key(number: int) -> str:
    return sha256(f"{number}".encode()).hexdigest()


async def _used(store: Store) -> int:
    """Bytes that Redis has allocated."""
    info = await store.run(lambda client: client.info("memory"))
    return int(info["used_memory"])


def _at(found: Sequence[Size], size: int) -> Size:
    """Times and recall drawn on; the bytes of an entry stay what they are."""
    sizes = [each.entries for each in found]
    values = [[getattr(each, name) for each in found] for name in ("p50_ms", "p99_ms", "recall")]
    p50, p99, recall = (drawn_on(sizes, each, size) for each in values)
    return Size(size, p50, p99, found[-1].bytes, min(1.0, recall))
