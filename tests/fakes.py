"""Fakes of the ports: deterministic, instant, and named so."""

import hashlib
import math
import random
import struct
from collections.abc import Sequence


class FakeEmbedder:
    """Implements `Embedder` without a model: a unit vector of `dimensions` from the text's hash.

    Equal texts have equal vectors; different texts are near orthogonal, however alike they are. `calls` keeps the
    texts of every call.
    """

    def __init__(self, dimensions: int = 384) -> None:
        self._dimensions = dimensions
        self.calls: list[list[str]] = []

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """One little-endian float32 unit vector per text."""
        self.calls.append(list(texts))
        return [self.vector(text) for text in texts]

    def vector(self, text: str) -> bytes:
        """The vector of one text."""
        seed = int.from_bytes(hashlib.sha256(text.encode("utf-8", errors="replace")).digest())
        source = random.Random(seed)
        values = [source.gauss(0, 1) for _ in range(self._dimensions)]
        norm = math.sqrt(sum(value * value for value in values))
        return struct.pack(f"<{self._dimensions}f", *(value / norm for value in values))
