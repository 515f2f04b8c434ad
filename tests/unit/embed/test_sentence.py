"""The embedder on the real all-MiniLM-L6-v2."""

import asyncio
import subprocess
import sys
import time

import numpy as np
import pytest

from app.embed.sentence import SentenceEmbedder
from tests.fakes import FakeEmbedder


def cosine(a: bytes, b: bytes) -> float:
    return float(np.frombuffer(a, "<f4") @ np.frombuffer(b, "<f4"))


async def test_vectors_are_unit_little_endian_float32(minilm: SentenceEmbedder) -> None:
    """384 × 4 bytes, length 1: what Redis and the head are told to expect."""
    [vector] = await minilm.embed(["What is the capital of France?"])
    assert len(vector) == 384 * 4
    assert cosine(vector, vector) == pytest.approx(1, abs=1e-5)


async def test_meaning_is_near_and_the_unrelated_is_far(minilm: SentenceEmbedder) -> None:
    """The real model answers, not noise."""
    a, b, c = await minilm.embed(["How do I reset my password?", "I forgot my password", "A recipe for lentil soup"])
    assert cosine(a, b) > 0.6
    assert cosine(a, c) < 0.2


async def test_a_text_has_one_vector_whatever_shares_its_batch(minilm: SentenceEmbedder) -> None:
    """Batching and padding may not move a similarity that a threshold will read."""
    [alone] = await minilm.embed(["hello there"])
    together = await asyncio.gather(
        minilm.embed(["hello there"]), *(minilm.embed(["long text " * 60]) for _ in range(5))
    )
    assert cosine(alone, together[0][0]) == pytest.approx(1, abs=1e-5)


async def test_the_end_of_a_long_prompt_counts(minilm: SentenceEmbedder) -> None:
    """Plain truncation at 256 tokens would give both the same vector."""
    paste = "The quarterly report lists revenue by region and product. " * 400
    a, b = await minilm.embed([paste + "Translate this into French.", paste + "Prove that 17 is prime."])
    assert cosine(a, b) < 0.995


async def test_a_megabyte_costs_no_seconds(minilm: SentenceEmbedder) -> None:
    """Tokenizing is bounded; generous for a busy machine, 1.5 s and more without the cut."""
    await minilm.embed(["warm"])
    start = time.perf_counter()
    await minilm.embed(["several words " * 75_000])
    assert time.perf_counter() - start < 0.75


@pytest.mark.parametrize(
    "text", ["", "   ", "\x00", "日本語" * 500, "😀" * 2000, "x" * 50_000, "e\u0301" * 700, "lone \ud800"]
)
async def test_any_text_has_a_vector(minilm: SentenceEmbedder, text: str) -> None:
    """What a client can send in JSON, the embedder can take."""
    [vector] = await minilm.embed([text])
    assert np.isfinite(np.frombuffer(vector, "<f4")).all()


def test_importing_the_room_imports_no_torch() -> None:
    """The ingress imports this module and may not weigh what torch weighs."""
    code = "import sys, app.embed.sentence; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_the_fake_embedder_is_deterministic_and_unit_length() -> None:
    """Tests of other rooms lean on it."""
    a, b, c = await FakeEmbedder().embed(["one", "one", "two"])
    assert a == b != c
    assert cosine(a, a) == pytest.approx(1, abs=1e-5)
    assert abs(cosine(a, c)) < 0.3
