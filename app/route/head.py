"""The trained head: embedding and text features to a complexity score. Numpy only, about 0.05 ms."""

from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from app.route.features import NAMES, Vector, read

WEIGHTS = "complexity.npz"
"""The file in the package `app.route.weights`."""

CLIP = 3.0
"""Standardized features beyond ±3 are held there: a strange text may not drive the score further than training saw."""

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ComplexityHead:
    """A perceptron of one hidden layer on [embedding, standardized features].

    The score is P(a weak model's answer is not good enough where a strong one's may be), 0–1: "weak" are the 7–13B
    chat models and Mixtral-8x7B whose results it was trained on. It is calibrated on their mix of benchmarks (see the
    model card): 0.3 means that about three of ten such prompts would have wanted the better model.

    Shapes, with d the embedding's dimensions, f = len(NAMES), h hidden units: `mean`, `scale` (f,), `hidden` (d+f, h),
    `hidden_bias` (h,), `output` (h,), `output_bias` ().
    """

    mean: Vector
    scale: Vector
    hidden: Matrix
    hidden_bias: Vector
    output: Vector
    output_bias: Vector

    @classmethod
    def load(cls) -> "ComplexityHead":
        """The head that ships with the package."""
        return cls.from_bytes((files("app.route") / "weights" / WEIGHTS).read_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> "ComplexityHead":
        """Read what `to_bytes` wrote. Raises ValueError when it was trained for other features than `NAMES`."""
        with np.load(BytesIO(data), allow_pickle=False) as arrays:
            if tuple(arrays["names"].tolist()) != NAMES:
                raise ValueError("the router's weights were trained for other text features: train them again")
            return cls(*(arrays[name].astype(np.float32) for name in cls.__dataclass_fields__))

    def to_bytes(self) -> bytes:
        """An .npz, the hidden layer in half precision. Equal weights give equal bytes: numpy dates no member."""
        arrays: dict[str, npt.NDArray[Any]] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        arrays["hidden"] = self.hidden.astype(np.float16)
        buffer = BytesIO()
        np.savez(buffer, allow_pickle=False, names=np.array(NAMES), **arrays)
        return buffer.getvalue()

    def score(self, embedding: bytes, text: str) -> float:
        """The complexity of `text`, 0–1; `embedding` is its unit vector as little-endian float32.

        Raises ValueError when the vector is not the training embedder's size.
        """
        return float(self.scores(np.frombuffer(embedding, dtype="<f4")[None, :], read(text)[None, :])[0])

    def scores(self, embeddings: Matrix, features: Matrix) -> Vector:
        """Scores of shape (n,) for embeddings (n, d) and raw features (n, f)."""
        inputs = np.hstack([embeddings, standardized(features, self.mean, self.scale)])
        hidden = np.maximum(inputs @ self.hidden + self.hidden_bias, 0)
        logits: Vector = hidden @ self.output + self.output_bias
        return (1 / (1 + np.exp(-logits))).astype(np.float32)


def standardized(features: Matrix, mean: Vector, scale: Vector) -> Matrix:
    """Zero mean, unit variance in training, held within ±CLIP."""
    return np.clip((features - mean) / scale, -CLIP, CLIP).astype(np.float32)
