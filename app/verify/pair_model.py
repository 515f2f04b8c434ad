"""The pair model at work: int8 ONNX on one thread, texts in, logits out."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.verify.pairing import MAX_TOKENS, PairInput, pair_input

WEIGHTS = Path(__file__).parent / "weights"
MODEL, VOCABULARY = "pair_model.onnx", "vocab.txt"
Logits = npt.NDArray[np.float64]


class PairModel:
    """`logits` blocks: call it beside the event loop. `tokenizer` is BERT's, uncased; `session` an ONNX session."""

    def __init__(self, session: Any, tokenizer: Any) -> None:
        self._session = session
        self._tokenizer = tokenizer

    @classmethod
    def open(cls, folder: Path = WEIGHTS, threads: int = 1) -> "PairModel":
        """Load the packaged model. Raises OSError when there is none."""
        from app.embed.session import open_session  # noqa: PLC0415 - 50 MB that only the verifier's process shall pay

        if not (folder / MODEL).is_file():
            raise FileNotFoundError(folder / MODEL)
        return cls(open_session(folder / MODEL, threads), open_tokenizer(folder))

    def vocabulary(self) -> Iterable[str]:
        """All word pieces."""
        return list(self._tokenizer.get_vocab())

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids without marks."""
        return [found.ids for found in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def logits(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Logits:
        """Of token pairs, each prompt at most `MAX_TOKENS` long; shape (pairs,).

        Each is computed alone: the last bits of a sum in float32 depend on the shape of its batch, and nobody's verdict
        shall hang on what else is in the index.
        """
        return np.array([self._logit(pair_input(a, b)) for a, b in pairs], dtype=np.float64)

    def _logit(self, row: PairInput) -> float:
        ids, segments, matches = padded([row])
        (found,) = self._session.run(None, {"ids": ids, "segments": segments, "matches": matches})
        return float(found[0])


def open_tokenizer(folder: Path = WEIGHTS) -> Any:
    """BERT's uncased word pieces."""
    from tokenizers import BertWordPieceTokenizer  # noqa: PLC0415

    return BertWordPieceTokenizer(str(folder / VOCABULARY), lowercase=True)


def padded(rows: Sequence[PairInput], step: int = 1) -> npt.NDArray[np.int64]:
    """Ids, segments and matches, shape (3, rows, longest row), padded with zeros to a multiple of `step`."""
    made = np.zeros((3, len(rows), rounded(max(len(row.ids) for row in rows), step)), dtype=np.int64)
    for i, row in enumerate(rows):
        for plane, values in zip(made, (row.ids, row.segments, row.matches), strict=True):
            plane[i, : len(values)] = values
    return made


def rounded(length: int, step: int) -> int:
    """Up to the next multiple of `step`."""
    return -(-length // step) * step


def fits(tokens: Sequence[int]) -> bool:
    """Whether the model can read a prompt whole."""
    return len(tokens) <= MAX_TOKENS
