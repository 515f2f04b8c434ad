"""Pairs judged without a model: vectors of words, and a verifier that says what the test wants."""

import hashlib
from collections.abc import Callable

import numpy as np

from app.cache.pairs import PairJudge
from app.config.policy import Policy
from tests.fakes import FakePairVerifier, same_words

DIMENSIONS = 384


def encode(texts: list[str]) -> list[bytes]:
    """Unit vectors of the words in each text: alike texts are near each other."""
    return [word_vector(text) for text in texts]


def word_vector(text: str) -> bytes:
    found = np.zeros(DIMENSIONS)
    for word in text.lower().split():
        found[int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:4]) % DIMENSIONS] += 1
    return bytes((found / max(1e-9, float(np.linalg.norm(found)))).astype("<f4").tobytes())


def judge(
    p_same: Callable[[str, str], float] = same_words, point: float = 0.5, policy: Policy | None = None
) -> PairJudge:
    return PairJudge(encode, FakePairVerifier(p_same, point), policy)


def calls(judge: PairJudge) -> list[list[tuple[str, str]]]:
    """What its fake verifier was asked."""
    assert isinstance(judge.verifier, FakePairVerifier)
    return judge.verifier.calls
