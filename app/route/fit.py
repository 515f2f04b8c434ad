"""Fitting the head: ridge regression on a Gaussian kernel around regions of the prompts. Needs scikit-learn."""

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from app.route.chances import Doubles, sigmoid
from app.route.features import NAMES, Vector
from app.route.head import RouteHead, placed
from app.route.weights_file import Matrix, Weights

REGIONS = 2048
"""2,048 regions for 20,000 prompts: APGR on MMLU .738 with 2,048, .734 with 3,500."""
WIDTH = 1.0
RIDGE = 1.0
FEATURE_WEIGHT = 0.2
FORM_WEIGHTS = {"log_options": 0.5, "log_lines": 0.5}
"""Chosen on folds over all questions, as the model card says. A unit vector's components are 0.05 small beside
standardized features. Whether options are given and whether there are several lines tells one kind of task from
another, so both count for more."""
TASK_POWER = 0.1
"""A task of n prompts weighs n^0.9 in all, so that MMLU's thousands do not drown the rest."""
ANCHOR_WEIGHT = 20.0
"""A written prompt weighs as much as twenty measured ones: one in 50, they have to hold against what exams say of their
neighbourhood."""
ANCHORS_PER_CENTRE = 2
"""Written prompts for each centre of their own."""
ANCHOR = "anchor_"
"""How the domains of written prompts begin."""
REFERENCE = 512
JITTER = 1e-5
START, PRIOR = np.array([4.0, -2.0]), 1e-3
"""Of Platt's scaling: where it begins, and how firmly it is held there where there is no evidence."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Aligned columns: embeddings (n, d), features (n, f), weak and strong scores (n,), nan where not measured, weights
    (n,), domains."""

    embeddings: Matrix
    features: Matrix
    weak: Doubles
    strong: Doubles
    weights: Doubles
    domains: Sequence[str]

    def part(self, wanted: npt.NDArray[np.bool_]) -> "Table":
        """The rows where `wanted` is true."""
        return Table(
            embeddings=self.embeddings[wanted],
            features=self.features[wanted],
            weak=self.weak[wanted],
            strong=self.strong[wanted],
            weights=self.weights[wanted],
            domains=[domain for domain, keep in zip(self.domains, wanted, strict=True) if keep],
        )

    @property
    def written(self) -> npt.NDArray[np.bool_]:
        """Which rows are anchors, shape (n,)."""
        return np.array([domain.startswith(ANCHOR) for domain in self.domains], dtype=bool)

    @property
    def gain(self) -> Doubles:
        """Strong minus weak, nan where not both were measured."""
        return self.strong - self.weak


def task_weights(tasks: Sequence[str]) -> Doubles:
    """n^-TASK_POWER for a prompt of a task of n prompts, scaled to mean 1."""
    counts = Counter(tasks)
    weights = np.array([float(counts[task]) ** -TASK_POWER for task in tasks])
    return np.asarray(weights / weights.mean())


def fit_raw(table: Table, seed: int) -> Weights:
    """Train on `table`, not yet calibrated. The same table, seed and library versions give the same weights."""
    blank = unfitted(table)
    inputs = placed(table.embeddings, table.features, blank)
    regions = cluster(inputs, table.written, seed)
    weights = replace(blank, centres=regions.centres)
    kernel = gaussian(inputs, regions.centres)
    within = gaussian(regions.centres, regions.centres).astype(np.float64)
    targets = np.stack([table.weak, table.strong, table.gain], axis=1)
    solved = [ridge(kernel, within, targets[:, column], table.weights) for column in range(targets.shape[1])]
    domains, success = described(regions, table)
    return replace(
        weights,
        coefficients=np.stack([coefficients for coefficients, _ in solved], axis=1).astype(np.float32),
        bias=np.array([bias for _, bias in solved], dtype=np.float32),
        domains=domains,
        success=success,
    )


def unfitted(table: Table) -> Weights:
    """How features are standardized, and nothing else yet."""
    none = np.zeros((0, 0), dtype=np.float32)
    return Weights(
        mean=table.features.mean(axis=0),
        scale=np.maximum(table.features.std(axis=0), 1e-6),
        weight=np.array([FORM_WEIGHTS.get(name, FEATURE_WEIGHT) for name in NAMES], dtype=np.float32),
        centres=none,
        width=np.array(WIDTH, dtype=np.float32),
        coefficients=none,
        bias=np.zeros(3, dtype=np.float32),
        calibration=np.array([[1, 0], [1, 0]], dtype=np.float32),
        domains=np.array([], dtype=np.str_),
        success=np.zeros(0, dtype=np.float32),
        reference=none,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Centres (m, d+f), in half precision as they will be stored, and the region of each prompt (n,)."""

    centres: Matrix
    members: npt.NDArray[np.intp]


def cluster(inputs: Matrix, written: npt.NDArray[np.bool_], seed: int) -> Regions:
    """k-means: the centres are means of prompts, so that no prompt is in the package.

    `written` prompts have centres of their own: few as they are, they would have none among the measured ones.
    """
    measured = means(inputs[~written], min(REGIONS, max(1, int((~written).sum()) // 4)), seed)
    count = int(written.sum()) // ANCHORS_PER_CENTRE
    if not count:
        return measured
    own = means(inputs[written], count, seed)
    members = np.zeros(len(inputs), dtype=np.intp)
    members[~written], members[written] = measured.members, own.members + len(measured.centres)
    return Regions(np.vstack([measured.centres, own.centres]), members)


def means(inputs: Matrix, count: int, seed: int) -> Regions:
    """`count` of them."""
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415  an extra: `leanserve[train]`
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415

    # One thread: sums in another order would be other centres.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        machine = MiniBatchKMeans(count, init="random", n_init=1, batch_size=4096, max_iter=30, random_state=seed)
        members = machine.fit_predict(inputs)
    return Regions(machine.cluster_centers_.astype(np.float16).astype(np.float32), members)


def gaussian(left: Matrix, right: Matrix) -> Matrix:
    """exp(−WIDTH · ‖a − b‖²), shape (left, right)."""
    squares = np.square(left).sum(axis=1)[:, None] + np.square(right).sum(axis=1)[None, :] - 2 * (left @ right.T)
    return np.asarray(np.exp(-WIDTH * squares), dtype=np.float32)


def ridge(kernel: Matrix, within: Doubles, target: Doubles, weights: Doubles) -> tuple[Doubles, float]:
    """Coefficients (m,) and bias of a weighted regression of `target` (n,) on `kernel` (n, m); nan rows do not count.

    Minimizes Σ w (y − b − Kc)² + RIDGE · cᵀWc with W = `within` (m, m): the subset of regressors of Smola and Schölkopf
    (2000).
    """
    known = ~np.isnan(target)
    rows, w, y = kernel[known].astype(np.float64), weights[known], target[known]
    bias = float((w * y).sum() / w.sum())
    normal = (rows * w[:, None]).T @ rows + RIDGE * within
    normal[np.diag_indices_from(normal)] += JITTER * len(y)
    return np.linalg.solve(normal, (rows * w[:, None]).T @ (y - bias)), bias


def described(regions: Regions, table: Table) -> tuple[npt.NDArray[np.str_], Vector]:
    """Of every region the commonest domain and how often a weak model was right; of one without prompts "" and 0."""
    members, count = regions.members, len(regions.centres)
    names: list[Counter[str]] = [Counter() for _ in range(count)]
    for region, domain in zip(members.tolist(), table.domains, strict=True):
        names[region][domain] += 1
    sizes = np.maximum(np.bincount(members, minlength=count), 1)
    success = np.bincount(members, weights=table.weak, minlength=count) / sizes
    return np.array([found.most_common(1)[0][0] if found else "" for found in names]), success.astype(np.float32)


def platt(raw: Doubles, target: Doubles, weights: Doubles, steps: int = 50) -> tuple[float, float]:
    """Slope and intercept of sigmoid(slope · raw + intercept) for soft `target`s: Platt's scaling by Newton's steps.

    Rows where either is nan do not count.
    """
    known = ~np.isnan(target) & ~np.isnan(raw)
    x, y, w = np.stack([raw[known], np.ones(known.sum())], axis=1), target[known], weights[known]

    def loss(theta: Doubles) -> float:
        z = x @ theta
        return float((w * (np.logaddexp(0, z) - y * z)).sum() + PRIOR / 2 * np.square(theta - START).sum())

    theta = START
    for _ in range(steps):
        p = sigmoid(x @ theta)
        curvature = (x * (w * p * (1 - p))[:, None]).T @ x + PRIOR * np.eye(2)
        step = np.linalg.solve(curvature, x.T @ (w * (p - y)) + PRIOR * (theta - START))
        theta = downhill(loss, theta, step)
    return float(theta[0]), float(theta[1])


def downhill(loss: Callable[[Doubles], float], start: Doubles, step: Doubles) -> Doubles:
    """`start` − `step`, or as much of it as does not raise the loss: far from its end Newton's full step overshoots."""
    before = loss(start)
    while loss(start - step) > before + 1e-9 * abs(before) and np.abs(step).max() > 1e-12:
        step = step / 2
    return start - step


def raw_scores(weights: Weights, table: Table) -> Doubles:
    """Uncalibrated scores of the weak and the strong model, the gain, and the familiarity, shape (n, 4)."""
    measured = RouteHead(weights).measure(table.embeddings, table.features)
    return np.column_stack([measured.raw, measured.gain, measured.familiarity])


def reference_of(weights: Weights, table: Table, seed: int) -> Matrix:
    """Chances of prompts drawn by weight."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(table.weights), REFERENCE, p=table.weights / table.weights.sum())
    measured = RouteHead(weights).measure(table.embeddings[chosen], table.features[chosen])
    return measured.chances.astype(np.float32)
