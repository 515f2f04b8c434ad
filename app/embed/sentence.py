"""The graph's embedder: a sentence-transformers model behind the `Embedder` port."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from app.config.gateway import ARITHMETIC, Arithmetic, EmbedderSpec
from app.embed.batching import Encode, MicroBatcher

if TYPE_CHECKING:
    import numpy as np

logger = logging.getLogger("leanserve.embed")


class SentenceEmbedder:
    """Implements `Embedder`. One thread of its own computes; concurrent requests share batches of `max_batch`."""

    def __init__(self, encode: Encode, max_batch: int, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self._batcher = MicroBatcher(encode, max_batch, executor)

    @classmethod
    def open(cls, spec: EmbedderSpec, source: str) -> "SentenceEmbedder":
        """Load the model at `source` (a directory or a hub id, see `find_embedder`). Blocks for a second, for several
        where torch is needed: start-up only. Raises OSError when there is no such model."""
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedder")
        encode = executor.submit(open_encoder, source, spec.threads, spec.arithmetic).result()
        return cls(encode, spec.max_batch, executor)

    async def embed(self, texts: Sequence[str], *, bulk: bool = False) -> list[bytes]:
        """One little-endian float32 unit vector per text (384 × 4 bytes for MiniLM-L6)."""
        return await self._batcher.run(texts, bulk=bulk)

    def close(self) -> None:
        """Let the thread end after the batch it computes."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def open_encoder(source: str, threads: int, arithmetic: Arithmetic = ARITHMETIC) -> Encode:
    """Load a model and return the blocking function from texts to vectors. Raises OSError when there is none."""
    vectors = open_vectors(source, threads, arithmetic)

    def encode(texts: list[str]) -> list[bytes]:
        return to_bytes(vectors(texts)) if texts else []

    encode(["the first pass takes longer: nobody's request shall pay for it"])
    return encode


def open_vectors(source: str, threads: int, arithmetic: Arithmetic) -> "Callable[[list[str]], np.ndarray[Any, Any]]":
    """onnxruntime for what `find_fast` knows, sentence-transformers and torch for all else."""
    from app.embed.layout import FastModel, fetch_hub, find_fast  # noqa: PLC0415 - numpy, which no ingress needs

    found = find_fast(source, fetch_hub)
    if isinstance(found, FastModel):
        from app.embed.fast import FastEncoder  # noqa: PLC0415 - onnxruntime, 50 MB

        return FastEncoder.open(found, threads, arithmetic)
    logger.info("%s is computed by sentence-transformers on torch: %s", source, found)
    from app.embed.slow import SlowEncoder  # noqa: PLC0415 - torch, 200 MB and seconds

    return SlowEncoder.open(source, threads)


def to_bytes(vectors: "np.ndarray[Any, Any]") -> list[bytes]:
    """Rows as little-endian float32, the form that Redis and the hops carry."""
    return [row.tobytes() for row in vectors.astype("<f4")]
