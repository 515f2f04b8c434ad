"""The trained head: embedding and text features to a judgement. Numpy only, some 0.2 ms."""

from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from app.domain import Evidence, Judgement
from app.route.chances import Doubles, logit, sigmoid
from app.route.complexity_scale import complexity
from app.route.doubt import doubt
from app.route.features import Vector, read
from app.route.weights_file import Matrix, Weights

WEIGHTS = "head.npz"
"""The file in the package `app.route.weights`."""

TRAINED_ON = "all-MiniLM-L6-v2/int8-1"
"""`EmbedderSpec.identity` of the vectors that its weights were fitted on: those of the default embedder."""

CLIP = 3.0
"""Standardized features beyond ±3 are held there: a strange text may not drive the score further than training saw."""

SURE = 0.01
"""No chance is nearer to 0 or 1: so few labels cannot tell 99% from 99.9%."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Of n prompts.

    `raw` scores (n, 2) of a weak and a strong model, not calibrated; their `gain` (n,), strong minus weak, −1 to 1;
    `chances` (n, 3) at capability 0, ½ and 1; `familiarity` (n,), the cosine to the nearest region.
    """

    raw: Doubles
    gain: Doubles
    chances: Doubles
    familiarity: Doubles


class RouteHead:
    """A kernel machine on [embedding, weighed features]: implements `app.route.heads.Head`.

    Ridge regression in the space of a Gaussian kernel, on as many centres as there are regions (the Nyström method,
    Williams and Seeger 2000): smooth where training prompts are dense, and back to the mean far from all of them.
    """

    def __init__(self, weights: Weights) -> None:
        dimensions = weights.centres.shape[1] - len(weights.mean)
        self._weights = weights
        self._squares = np.square(weights.centres).sum(axis=1)
        self._texts = np.ascontiguousarray(weights.centres[:, :dimensions].T)
        self._forms = np.ascontiguousarray(weights.centres[:, dimensions:].T)
        self._lengths = np.maximum(np.linalg.norm(self._texts, axis=0), 1e-9)

    @classmethod
    def load(cls) -> "RouteHead":
        """The head that ships with the package. Raises ValueError or OSError where it is missing or damaged."""
        return cls.from_bytes((files("app.route") / "weights" / WEIGHTS).read_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> "RouteHead":
        """Of what `Weights.to_bytes` wrote."""
        return cls(Weights.from_bytes(data))

    @property
    def reference(self) -> Doubles:
        """The chances of representative prompts, shape (n, 3)."""
        return self._weights.reference.astype(np.float64)

    def judge(self, embedding: bytes, text: str) -> Judgement:
        """`embedding`: the unit vector of `text`, little-endian float32.

        Raises ValueError when it is not of the training embedder's size.
        """
        measured = self.measure(np.frombuffer(embedding, dtype="<f4")[None, :], read(text)[None, :])
        weak, middle, strong = measured.chances[0].tolist()
        familiarity = float(measured.familiarity[0])
        score = float(complexity(measured.gain)[0])
        return Judgement(score, (weak, middle, strong), doubt(text, familiarity), familiarity)

    def measure(self, embeddings: Matrix, features: Matrix) -> Measured:
        """For embeddings (n, d) and raw features (n, f)."""
        weights = self._weights
        forms = formed(features, weights)
        alike = embeddings @ self._texts  # once for both: it is most of the work
        own = np.square(embeddings).sum(axis=1) + np.square(forms).sum(axis=1)
        squares = own[:, None] + self._squares - 2 * (alike + forms @ self._forms)
        found = np.exp(-weights.width * squares) @ weights.coefficients + weights.bias
        raw = found[:, :2].astype(np.float64)
        return Measured(
            raw=raw,
            gain=found[:, 2].astype(np.float64),
            chances=chances(raw, weights),
            familiarity=(alike / self._lengths).max(axis=1).astype(np.float64),
        )

    def evidence(self, embedding: bytes, count: int) -> tuple[Evidence, ...]:
        """The `count` nearest regions of the training prompts, nearest first."""
        cosines = np.frombuffer(embedding, dtype="<f4") @ self._texts / self._lengths
        nearest = np.argsort(-cosines, kind="stable")[:count]
        weights = self._weights
        return tuple(Evidence(str(weights.domains[i]), float(cosines[i]), float(weights.success[i])) for i in nearest)


def placed(embeddings: Matrix, features: Matrix, weights: Weights) -> Matrix:
    """Where prompts lie among the centres, shape (n, d+f)."""
    return np.hstack([embeddings, formed(features, weights)])


def formed(features: Matrix, weights: Weights) -> Matrix:
    """The features as the kernel sees them, shape (n, f)."""
    return standardized(features, weights.mean, weights.scale) * weights.weight


def standardized(features: Matrix, mean: Vector, scale: Vector) -> Matrix:
    """Zero mean, unit variance in training, held within ±CLIP."""
    return np.clip((features - mean) / scale, -CLIP, CLIP).astype(np.float32)


def chances(raw: Doubles, weights: Weights) -> Doubles:
    """Raw scores (n, 2) of a weak and a strong model to P(good enough) at three capabilities, (n, 3).

    They never fall from one to the next; capability ½ is by definition half way in logits.
    """
    slopes, intercepts = weights.calibration.astype(np.float64).T
    weak, strong = np.clip(sigmoid(raw * slopes + intercepts), SURE, 1 - SURE).T
    strong = np.maximum(weak, strong)
    return np.stack([weak, sigmoid((logit(weak) + logit(strong)) / 2), strong], axis=1)
