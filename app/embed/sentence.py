"""The graph's embedder: a sentence-transformers model behind the `Embedder` port."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from app.config.gateway import EmbedderSpec
from app.embed.batching import Encode, MicroBatcher
from app.embed.window import Offsets, cut_tokens

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

PADDING_BATCH = 16
"""Texts that share one padded tensor, neighbours in length: one long prompt must not make 63 short ones long."""


class SentenceEmbedder:
    """Implements `Embedder`. One thread of its own computes; concurrent requests share batches of `max_batch`."""

    def __init__(self, encode: Encode, max_batch: int, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self._batcher = MicroBatcher(encode, max_batch, executor)

    @classmethod
    def open(cls, spec: EmbedderSpec, source: str) -> "SentenceEmbedder":
        """Load the model at `source` (a directory or a hub id, see `find_embedder`). Blocks for seconds: start-up only.

        torch gets `spec.threads` threads, in the whole process: torch knows no smaller unit. Raises OSError when
        there is no such model.
        """
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedder")
        encode = executor.submit(open_encoder, source, spec.threads).result()
        return cls(encode, spec.max_batch, executor)

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """One little-endian float32 unit vector per text (384 × 4 bytes for MiniLM-L6)."""
        return await self._batcher.run(texts)

    def close(self) -> None:
        """Let the thread end after the batch it computes."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def open_encoder(source: str, threads: int) -> Encode:
    """Load a model and return the blocking function from texts to vectors."""
    import torch  # noqa: PLC0415  half a second and 200 MB that only the embedder's process shall pay
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()  # a bar of loaded tensors is no line for a log or a pipe
    torch.set_num_threads(threads)
    model = SentenceTransformer(source, device="cpu")
    model.eval()

    def encode(texts: list[str]) -> list[bytes]:
        return to_bytes(encode_texts(model, texts))

    encode(["the first pass takes two seconds: nobody's request shall pay them"])
    return encode


def encode_texts(model: "SentenceTransformer", texts: list[str]) -> "np.ndarray[Any, Any]":
    """Unit vectors, shape (texts, dimensions)."""

    def tokenize(text: str) -> Offsets:
        return offsets_of(model, text)

    cut = [cut_tokens(text, tokenize) for text in texts]
    return model.encode(  # type: ignore[no-any-return]
        cut, batch_size=PADDING_BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
    )


def offsets_of(model: "SentenceTransformer", text: str) -> Offsets:
    """Where each token of `text` stands, in characters."""
    options = {"add_special_tokens": False, "truncation": False, "return_attention_mask": False, "verbose": False}
    return model.tokenizer(text, return_offsets_mapping=True, **options)["offset_mapping"]  # type: ignore[no-any-return]


def to_bytes(vectors: "np.ndarray[Any, Any]") -> list[bytes]:
    """Rows as little-endian float32, the form that Redis and the hops carry."""
    return [row.tobytes() for row in vectors.astype("<f4")]
