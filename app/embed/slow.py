"""Texts to vectors by sentence-transformers on torch: any model that it loads."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils.logging import disable_progress_bar

from app.embed.window import Offsets, cut_tokens

PADDING_BATCH = 16
"""Texts that share one padded tensor, neighbours in length: one long prompt must not make 63 short ones long."""


class SlowEncoder:
    """`model` is a loaded SentenceTransformer. One thread calls."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @classmethod
    def open(cls, source: str, threads: int) -> "SlowEncoder":
        """Load a model. torch gets `threads` in the whole process: it knows no smaller unit.

        Raises OSError when there is no such model.
        """
        disable_progress_bar()  # a bar of loaded tensors is no line for a log or a pipe
        torch.set_num_threads(threads)
        model = SentenceTransformer(source, device="cpu")
        model.eval()
        return cls(model)

    def __call__(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors, shape (texts, dimensions)."""
        cut = [cut_tokens(text, self._offsets) for text in texts]
        return self._model.encode(  # type: ignore[no-any-return]
            cut, batch_size=PADDING_BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )

    def _offsets(self, text: str) -> Offsets:
        options = {"add_special_tokens": False, "truncation": False, "return_attention_mask": False, "verbose": False}
        return self._model.tokenizer(text, return_offsets_mapping=True, **options)["offset_mapping"]  # type: ignore[no-any-return]
