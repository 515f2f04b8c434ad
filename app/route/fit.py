"""Fitting the head: soft labels, task weights, a few small networks averaged into one. Needs scikit-learn."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.route.features import Vector
from app.route.head import ComplexityHead, Matrix, standardized

Doubles = npt.NDArray[np.float64]

NETWORKS = 3
HIDDEN = 32
EPOCHS = 15
L2 = 0.03
EMBEDDING_SCALE = 2.0
TASK_POWER = 0.25
ANCHOR_WEIGHT = 2.0
"""Chosen on a fifth of the training part; the model card says which choices saw more. `EMBEDDING_SCALE`: a
unit vector's components are 0.05 small beside standardized features. `TASK_POWER`: a task of n prompts weighs
n^0.75 in all, so that MMLU's thousands do not drown the rest. An anchor weighs as `ANCHOR_WEIGHT` mean prompts."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Aligned columns: embeddings (n, d), features (n, f), labels (n,), weights (n,)."""

    embeddings: Matrix
    features: Matrix
    labels: Doubles
    weights: Doubles


def task_weights(tasks: Sequence[str]) -> Doubles:
    """n^-TASK_POWER for a prompt of a task of n prompts, scaled to mean 1."""
    counts = Counter(tasks)
    weights = np.array([float(counts[task]) ** -TASK_POWER for task in tasks])
    return weights / weights.mean()  # type: ignore[no-any-return]


def fit_head(table: Table, seed: int) -> ComplexityHead:
    """Train on `table`. The same table, seed and library versions give the same weights."""
    mean = table.features.mean(axis=0)
    scale = np.maximum(table.features.std(axis=0), 1e-6)
    inputs = np.hstack([table.embeddings * EMBEDDING_SCALE, standardized(table.features, mean, scale)])
    networks = [fit_network(inputs, table, seed * NETWORKS + i) for i in range(NETWORKS)]
    return merged(networks, mean, scale, table.embeddings.shape[1])


def fit_network(inputs: Matrix, table: Table, seed: int) -> Any:
    """One scikit-learn MLPClassifier. A soft label p is a positive of weight p and a negative of weight 1 − p."""
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  an extra: `leanserve[train]`
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415

    weights = np.concatenate([table.weights * table.labels, table.weights * (1 - table.labels)])
    classes = np.repeat([1, 0], len(inputs))
    used = weights > 0
    network = MLPClassifier((HIDDEN,), alpha=L2, max_iter=EPOCHS, batch_size=256, random_state=seed)
    # One thread: with more, BLAS sums in another order and the weights differ in their last bits.
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # EPOCHS is early stopping, meant
        return network.fit(np.vstack([inputs, inputs])[used], classes[used], sample_weight=weights[used])


def merged(networks: Sequence[Any], mean: Vector, scale: Vector, dimensions: int) -> ComplexityHead:
    """One wide network whose logit is the mean of the networks' logits."""
    hidden = np.hstack([network.coefs_[0] for network in networks])
    hidden[:dimensions] *= EMBEDDING_SCALE
    return ComplexityHead(
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        hidden=hidden.astype(np.float16).astype(np.float32),
        hidden_bias=np.concatenate([network.intercepts_[0] for network in networks]).astype(np.float32),
        output=(np.concatenate([network.coefs_[1][:, 0] for network in networks]) / len(networks)).astype(np.float32),
        output_bias=np.float32(np.mean([network.intercepts_[1][0] for network in networks])),  # type: ignore[arg-type]
    )
