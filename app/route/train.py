"""`leanserve route train`: measured scores of real models in, the head's weights and a model card out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.embed.batching import Encode
from app.embed.sentence import open_encoder
from app.embed.source import MINILM, find_embedder
from app.route import metrics
from app.route.anchors import EASY_LABEL, HARD_LABEL, easy_prompts, hard_prompts
from app.route.card import card
from app.route.data import Example, read_examples
from app.route.features import read
from app.route.fit import ANCHOR_WEIGHT, Table, fit_head, task_weights
from app.route.head import WEIGHTS, ComplexityHead, Matrix
from app.route.report import TaskReport, TrainReport

VALIDATION_FOLDS = 5
"""One question of five is held out, by its hash: no seed moves a question from one part to the other."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Examples with their embeddings (n, d) and features (n, f)."""

    examples: Sequence[Example]
    embeddings: Matrix
    features: Matrix

    def part(self, wanted: npt.NDArray[np.bool_]) -> "Embedded":
        """The rows where `wanted` is true."""
        chosen = [example for example, keep in zip(self.examples, wanted, strict=True) if keep]
        return Embedded(chosen, self.embeddings[wanted], self.features[wanted])

    @property
    def labels(self) -> npt.NDArray[np.float64]:
        """Shape (n,)."""
        return np.array([example.label for example in self.examples])


def train(data: Path, output: Path, seed: int, encode: Encode | None = None) -> TrainReport:
    """Train on `data/router/*.jsonl` and write the weights and MODEL_CARD.md into `output`.

    `encode` is the embedder, the packaged MiniLM by default. A rerun with the same data, seed and library versions
    writes the same bytes. About ten minutes on one core, nearly all of it embedding. Raises FileNotFoundError when
    `data` has no router files, ImportError without the extra `train`.
    """
    encode = encode or open_encoder(find_embedder(MINILM), threads=1)
    table = embedded(read_examples(data), encode)
    held_out = np.array([is_validation(example) for example in table.examples])
    head = fit_head(training_table(table.part(~held_out), embedded(list(anchors()), encode)), seed)
    report = evaluate(head, table.part(held_out), int((~held_out).sum()), seed)
    output.mkdir(parents=True, exist_ok=True)
    (output / WEIGHTS).write_bytes(head.to_bytes())
    (output / "MODEL_CARD.md").write_text(card(report), encoding="utf-8")
    return report


def is_validation(example: Example) -> bool:
    """Whether the example's question is held out, in every benchmark that asks it."""
    return int(example.question[:8], 16) % VALIDATION_FOLDS == 0


def anchors() -> Iterator[Example]:
    """The written prompts with their assumed labels."""
    yield from (Example("anchor", "anchor_easy", prompt, EASY_LABEL) for prompt in easy_prompts())
    yield from (Example("anchor", "anchor_hard", prompt, HARD_LABEL) for prompt in hard_prompts())


def embedded(examples: Sequence[Example], encode: Encode, batch: int = 256) -> Embedded:
    """Embed every distinct prompt once, neighbours in length together: padding is most of the work otherwise."""
    texts = sorted({example.prompt for example in examples}, key=lambda text: (len(text), text))
    vectors: dict[str, bytes] = {}
    for start in range(0, len(texts), batch):
        part = texts[start : start + batch]
        vectors.update(zip(part, encode(part), strict=True))
    embeddings = np.stack([np.frombuffer(vectors[example.prompt], dtype="<f4") for example in examples])
    return Embedded(examples, embeddings, np.stack([read(example.prompt) for example in examples]))


def training_table(measured: Embedded, written: Embedded) -> Table:
    """Measured prompts weighed by task, then the anchors."""
    weights = task_weights([example.task for example in measured.examples])
    return Table(
        np.vstack([measured.embeddings, written.embeddings]),
        np.vstack([measured.features, written.features]),
        np.concatenate([measured.labels, written.labels]),
        np.concatenate([weights, np.full(len(written.examples), ANCHOR_WEIGHT)]),
    )


def evaluate(head: ComplexityHead, held_out: Embedded, trained_on: int, seed: int) -> TrainReport:
    """All numbers of the report, on held-out questions only; anchors are not among them."""
    scores = head.scores(held_out.embeddings, held_out.features)
    tasks = np.array([example.task for example in held_out.examples])
    return TrainReport(
        seed=seed,
        trained_on=trained_on,
        validated_on=len(scores),
        calibration_error=metrics.calibration_error(scores, held_out.labels),
        tasks=tuple(
            task_report(str(task), held_out.part(tasks == task), scores[tasks == task]) for task in set_of(tasks)
        ),
    )


def set_of(tasks: npt.NDArray[Any]) -> list[str]:
    """The distinct tasks in order."""
    return sorted(set(tasks.tolist()))


def task_report(task: str, part: Embedded, scores: npt.NDArray[np.float32]) -> TaskReport:
    """One task's numbers; APGR where both models of a pair were measured."""
    gains = [example.gain for example in part.examples if example.gain is not None]
    paired = len(gains) == len(scores)
    return TaskReport(
        task=task,
        prompts=len(scores),
        label_mean=float(part.labels.mean()),
        score_mean=float(scores.mean()),
        auc=metrics.auc(scores, part.labels >= 0.5),
        apgr=metrics.apgr(scores, np.array(gains)) if paired else None,
    )
