"""Texts to vectors by onnxruntime: what sentence-transformers would compute, without it and without torch."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from tokenizers import Encoding, Tokenizer

from app.config.gateway import Arithmetic
from app.embed.bert import sentence_model
from app.embed.layout import TOKENIZER, WEIGHTS, FastModel
from app.embed.session import open_session
from app.embed.window import Offsets, cut_tokens

TOGETHER = 4
"""Texts that share one padded tensor, neighbours in length. Of 64 questions on one busy core a text takes 3.9 ms so,
4.4 ms alone and 6.0 ms in sixteens (float32: 8.0, 13.5 and 9.9)."""

Vectors = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


class FastEncoder:
    """`reader` cuts a text at the model's length and adds its marks, `finder` does neither. One thread calls."""

    def __init__(self, session: Any, reader: Tokenizer, finder: Tokenizer) -> None:
        self._session, self._reader, self._finder = session, reader, finder

    @classmethod
    def open(cls, model: FastModel, threads: int, arithmetic: Arithmetic) -> "FastEncoder":
        """Build the graph from the model's weights and load it: a second."""
        with safe_open(model.folder / WEIGHTS, "np") as file:
            session = open_session(sentence_model(file.get_tensor, model.shape, arithmetic), threads)
        reader, finder = (open_tokenizer(model.folder, length) for length in (model.shape.tokens, None))
        return cls(session, reader, finder)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (texts, dimensions)."""
        read = [self._reader.encode(cut_tokens(text, self._offsets)) for text in texts]
        order = sorted(range(len(read)), key=lambda i: len(read[i].ids))
        found = [self._run([read[i] for i in part]) for part in parts(order)]
        vectors = np.empty((len(read), found[0].shape[1]), dtype=np.float32)
        vectors[order] = np.concatenate(found)
        return vectors

    def _offsets(self, text: str) -> Offsets:
        return self._finder.encode(text, add_special_tokens=False).offsets

    def _run(self, read: Sequence[Encoding]) -> Vectors:
        ids, mask = padded([each.ids for each in read])
        (vectors,) = self._session.run(None, {"ids": ids, "mask": mask})
        return vectors  # type: ignore[no-any-return]


def parts(order: Sequence[int]) -> Iterator[Sequence[int]]:
    """`TOGETHER` at a time."""
    return (order[at : at + TOGETHER] for at in range(0, len(order), TOGETHER))


def padded(rows: Sequence[Sequence[int]]) -> tuple[Ids, Ids]:
    """Token ids, zeros behind them, and the mask, both of shape (rows, longest row)."""
    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1
    return ids, mask


def open_tokenizer(folder: Path, length: int | None) -> Tokenizer:
    """The folder's tokenizer; what its file says of padding and length are its author's habits."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if length:
        tokenizer.enable_truncation(length)
    return tokenizer
