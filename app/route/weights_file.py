"""The head's weights: arrays with a file format. Equal weights give equal bytes."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from app.route.features import NAMES, Vector

Matrix = npt.NDArray[np.float32]
HALF = ("centres", "reference")
"""Stored in half precision: most of the bytes, and no decision hangs on their fourth digit."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """What `RouteHead` computes with. Shapes, with d the embedding's dimensions, f = len(NAMES), m regions.

    `mean`, `scale`, `weight` (f,) standardize the text features and say how much each counts beside the embedding.
    `centres` (m, d+f): the middle of each region of the training prompts, and `width` () of the Gaussian around it.
    `coefficients` (m, 3) and `bias` (3,): by region, what a weak and a strong model score and how far they lie apart.
    `calibration` (2, 2): slope and intercept of Platt's scaling for the weak and for the strong model's score.
    `domains` (m,): what most prompts of a region are about; `success` (m,): how often a weak model was right there.
    `reference` (n, 3): the chances of representative prompts.
    """

    mean: Vector
    scale: Vector
    weight: Vector
    centres: Matrix
    width: Vector
    coefficients: Matrix
    bias: Vector
    calibration: Matrix
    domains: npt.NDArray[np.str_]
    success: Vector
    reference: Matrix

    @classmethod
    def from_bytes(cls, data: bytes) -> "Weights":
        """Read what `to_bytes` wrote. Raises ValueError when it was trained for other features than `NAMES`."""
        with np.load(BytesIO(data), allow_pickle=False) as arrays:
            if tuple(arrays["names"].tolist()) != NAMES:
                raise ValueError("the router's weights were trained for other text features: train them again")
            return cls(**{name: _read(arrays[name]) for name in cls.__dataclass_fields__})

    def to_bytes(self) -> bytes:
        """An .npz: numpy dates no member."""
        arrays: dict[str, npt.NDArray[Any]] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        arrays.update({name: arrays[name].astype(np.float16) for name in HALF})
        buffer = BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, names=np.array(NAMES), **arrays)
        return buffer.getvalue()


def _read(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array if array.dtype.kind == "U" else array.astype(np.float32)
