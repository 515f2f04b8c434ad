"""What a training run found out about its head."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.route import metrics
from app.route.chances import Doubles
from app.route.complexity_scale import EASY_GAIN
from app.route.data import Example
from app.route.doubt import LEAST_FAMILIAR
from app.route.fit import Table, raw_scores
from app.route.head import chances
from app.route.weights_file import Weights


@dataclass(frozen=True, slots=True)
class SetReport:
    """One source or task on prompts that were not trained on.

    `weak`, `strong`: mean scores; `strong`, `apgr` (RouteLLM's), `kept_off` and `quality_kept` are None where no strong
    model was measured. The last two are of two tiers, of which the weak one is taken where the complexity is below
    `EASY` and the prompt familiar: its share of prompts, and the share of always-strong's quality that is left. What
    the default policy does besides (other doubts, flat probabilities, a tier between) is for `route evaluate`.
    `calibration` are the expected calibration errors of P(good enough) of the weak and the strong model.
    """

    name: str
    prompts: int
    weak: float
    strong: float | None
    auc: float
    apgr: float | None
    kept_off: float | None
    quality_kept: float | None
    calibration: tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class TrainReport:
    """A training run: counts of prompts, and its numbers on held-out questions (`seen` domains, by source; `tasks`) and
    on domains that were left out of the training (`unseen`)."""

    seed: int
    trained_on: int
    validated_on: int
    seen: tuple[SetReport, ...]
    unseen: tuple[SetReport, ...]
    tasks: tuple[SetReport, ...]

    def task(self, name: str) -> SetReport | None:
        """One task's numbers, or None when the data did not hold it."""
        return next((task for task in self.tasks if task.name == name), None)


def reported(
    weights: Weights,
    held_out: Table,
    examples: Sequence[Example],
    left_out: tuple[Table, Sequence[Example], Doubles],
    seed: int,
) -> TrainReport:
    """All numbers of the report; written prompts are not among them."""
    near = raw_scores(weights, held_out)
    table, everything, far = left_out
    return TrainReport(
        seed,
        trained_on=len(everything) - len(examples),
        validated_on=len(examples),
        seen=by(source_of, examples, held_out, near, weights),
        unseen=by(source_of, everything, table, far, weights),
        tasks=by(lambda example: example.task, examples, held_out, near, weights),
    )


def source_of(example: Example) -> str:
    """The file a prompt is from: RouteLLM's and ZeroEval's two are two."""
    return example.task if example.source in ("routellm", "zeroeval") else example.source


def by(
    name_of: Callable[[Example], str], examples: Sequence[Example], table: Table, raw: Doubles, weights: Weights
) -> tuple[SetReport, ...]:
    """One report for each name, in order."""
    names = np.array([name_of(example) for example in examples])
    known = ~np.isnan(raw[:, 0])
    chosen = [(str(name), (names == name) & known) for name in sorted(set(names.tolist()))]
    return tuple(report_of(name, table.part(mask), raw[mask], weights) for name, mask in chosen if mask.any())


def report_of(name: str, table: Table, raw: Doubles, weights: Weights) -> SetReport:
    """The numbers of one set."""
    p = chances(raw[:, :2], weights)
    paired = not np.isnan(table.strong).any()
    small = (raw[:, 2] < EASY_GAIN) & (raw[:, 3] >= LEAST_FAMILIAR)
    return SetReport(
        name=name,
        prompts=len(raw),
        weak=float(table.weak.mean()),
        strong=float(table.strong.mean()) if paired else None,
        auc=metrics.auc(-p[:, 0], table.weak < 0.5),
        apgr=metrics.apgr(raw[:, 2], table.gain) if paired else None,
        kept_off=float(small.mean()) if paired else None,
        quality_kept=1 - float(table.gain[small].sum() / table.strong.sum()) if paired else None,
        calibration=(
            metrics.calibration_error(p[:, 0], table.weak),
            metrics.calibration_error(p[:, 2], table.strong) if paired else None,
        ),
    )
