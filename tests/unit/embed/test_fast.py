"""onnxruntime beside sentence-transformers, on the real all-MiniLM-L6-v2."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.embed.fast import FastEncoder, Vectors
from app.embed.layout import FastModel, find_fast

TEXTS = [
    "",
    "   ",
    "a",
    "How do I reset my password?",
    "how do i reset my PASSWORD",
    "I forgot my password",
    "The recipe wants 250 g of lentils, 2 onions & a pinch of salt.",
    "A recipe for lentil soup",
    "Crème brûlée, naïve façade; e\u0301 is é",
    "日本語の質問です。" * 40,
    "Как дела? שלום مرحبا",
    "😀 emoji 👩‍👩‍👧 family",
    "x" * 3000,
    "def f(x):\n\treturn x ** 2  # code",
    "lone \ud800 surrogate, \x00 nul",
    "tab\tand\u00a0no-break\u200bzero-width",
    "The quarterly report lists revenue by region. " * 400,
    "several words " * 130,
]


@pytest.fixture(scope="module")
def model(folder: Path) -> FastModel:
    found = find_fast(str(folder), no_hub)
    assert isinstance(found, FastModel)
    return found


def no_hub(repository: str, pattern: str) -> Path:
    raise OSError(f"{repository} was asked for {pattern}")


@pytest.fixture(scope="module")
def torch_vectors(folder: Path) -> Vectors:
    from app.embed.slow import SlowEncoder  # torch: seconds, and not for every process that only collects tests

    return SlowEncoder.open(str(folder), 1)(TEXTS)


@pytest.fixture(scope="module")
def int8(model: FastModel) -> FastEncoder:
    return FastEncoder.open(model, 1, "int8")


def test_float32_is_what_sentence_transformers_computes(model: FastModel, torch_vectors: Vectors) -> None:
    """Same tokens, same cut, same mean, same length: the vectors differ by rounding only."""
    assert np.abs(FastEncoder.open(model, 1, "float32")(TEXTS) - torch_vectors).max() < 2e-6


def test_int8_is_near(int8: FastEncoder, torch_vectors: Vectors) -> None:
    """What a calibration must bear, on odd texts too: vectors turn a little, no cosine moves by more than 0.04."""
    found = int8(TEXTS)
    assert np.sum(found * torch_vectors, axis=1).min() > 0.97
    assert np.abs(found @ found.T - torch_vectors @ torch_vectors.T).max() < 0.04
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-6


def test_int8_gives_a_text_one_vector_whatever_shares_its_batch(int8: FastEncoder) -> None:
    """A scale for the whole batch would move it by up to 0.018. The order is that of the texts, too."""
    together = int8(TEXTS * 2)
    alone = np.concatenate([int8([text]) for text in TEXTS * 2])
    assert np.sum(together * alone, axis=1).min() > 1 - 1e-5


def test_torch_is_not_imported(folder: Path) -> None:
    """The normalizer's replica saves its memory and its seconds."""
    code = (
        "import sys; from app.embed.sentence import open_encoder; open_encoder(sys.argv[1], 1)(['hello']);"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
