"""`leanserve route train`: measured scores of real models in, the head's weights and a model card out.

Training reads prompts as the data has them, not their canonical text: what serving makes of them is the policy's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.embed.batching import Encode
from app.embed.sentence import open_encoder
from app.embed.source import MINILM, find_embedder
from app.route.anchors import EASY_STRONG, EASY_WEAK, HARD_STRONG, HARD_WEAK, easy_prompts, hard_prompts
from app.route.card import card
from app.route.chances import Doubles
from app.route.data import Example, read_examples
from app.route.features import read
from app.route.fit import ANCHOR_WEIGHT, Table, fit_raw, platt, raw_scores, reference_of, task_weights
from app.route.head import WEIGHTS
from app.route.report import TrainReport, reported
from app.route.weights_file import Matrix, Weights

VALIDATION_FOLDS = 5
"""One question of five is held out, by its hash: no seed moves a question from one part to the other."""
FOLDS = 5
"""Of the training part, for calibration; and of its domains, for what is said of domains never seen."""

Mask = npt.NDArray[np.bool_]


def train(data: Path, output: Path, seed: int, encode: Encode | None = None) -> TrainReport:
    """Train on `data/router/*.jsonl` and write the weights and MODEL_CARD.md into `output`.

    `encode` is the embedder, the packaged MiniLM by default. A rerun with the same data, seed and library versions
    writes the same bytes. Some fifteen minutes on one core, most of it embedding. Raises FileNotFoundError when `data`
    has no router files, ImportError without the extra `train`.
    """
    examples = read_examples(data)
    encode = encode or open_encoder(find_embedder(MINILM), threads=1)
    table, written = table_of(examples, encode), anchor_table(encode)
    held_out = np.array([is_validation(example) for example in examples])
    unseen = left_out(table, written, questions(examples), seed)
    learned = [example for example in examples if not is_validation(example)]
    head = fitted(table.part(~held_out), written, questions(learned), unseen[~held_out], seed)
    report = reported(head, table.part(held_out), examples_of(examples, held_out), (table, examples, unseen), seed)
    output.mkdir(parents=True, exist_ok=True)
    (output / WEIGHTS).write_bytes(head.to_bytes())
    (output / "MODEL_CARD.md").write_text(card(report), encoding="utf-8")
    return report


def fitted(table: Table, written: Table, names: npt.NDArray[np.str_], unseen: Doubles, seed: int) -> Weights:
    """The head of a training part, calibrated on scores of prompts left out: half by question, half by domain.

    `unseen` (n, 4) are the raw scores of the prompts of `table` when their domains were left out.
    """
    folds = np.array([int(name[8:16], 16) % FOLDS for name in names])
    seen = crossed(table, written, folds, names, seed)
    weights = fit_raw(joined(table, written), seed)
    return calibrated(weights, table, np.vstack([seen, unseen]), seed)


def calibrated(weights: Weights, table: Table, raw: Doubles, seed: int) -> Weights:
    """With Platt's scaling of both scores on `raw` (k·n, 4), and the reference."""
    times = len(raw) // len(table.weights)
    doubled = np.tile(table.weights, times)
    targets = (np.tile(table.weak, times), np.tile(table.strong, times))
    scalings = [platt(raw[:, i], target, doubled) for i, target in enumerate(targets)]
    found = replace(weights, calibration=np.array(scalings, dtype=np.float32))
    return replace(found, reference=reference_of(found, table, seed))


def left_out(table: Table, written: Table, names: npt.NDArray[np.str_], seed: int) -> Doubles:
    """Raw scores (n, 4) of every prompt by a head that saw neither its domain nor its question elsewhere."""
    domains = sorted(set(table.domains))
    fold_of = dict(zip(domains, np.random.default_rng(seed).permutation(len(domains)) % FOLDS, strict=True))
    return crossed(table, written, np.array([fold_of[domain] for domain in table.domains]), names, seed)


def crossed(
    table: Table, written: Table, folds: npt.NDArray[np.int_], names: npt.NDArray[np.str_], seed: int
) -> Doubles:
    """Raw scores (n, 4) of each fold by a head of the others, without the fold's questions in other wrappings."""
    found = np.full((len(table.weights), 4), np.nan)
    for fold in sorted(set(folds.tolist())):
        asked = folds == fold
        learned = ~asked & ~np.isin(names, names[asked])
        if learned.any():
            found[asked] = raw_scores(fit_raw(joined(table.part(learned), written), seed), table.part(asked))
    return found


def is_validation(example: Example) -> bool:
    """Whether the example's question is held out, in every benchmark that asks it."""
    return int(example.question[:8], 16) % VALIDATION_FOLDS == 0


def questions(examples: Sequence[Example]) -> npt.NDArray[np.str_]:
    """The identity of every question."""
    return np.array([example.question for example in examples])


def examples_of(examples: Sequence[Example], wanted: Mask) -> list[Example]:
    """Those that are wanted."""
    return [example for example, keep in zip(examples, wanted, strict=True) if keep]


def anchors() -> Iterator[Example]:
    """The written prompts with their assumed scores."""
    yield from (Example("anchor", "anchor_easy", prompt, EASY_WEAK, EASY_STRONG) for prompt in easy_prompts())
    yield from (Example("anchor", "anchor_hard", prompt, HARD_WEAK, HARD_STRONG) for prompt in hard_prompts())


def anchor_table(encode: Encode) -> Table:
    """The written prompts, each as heavy as `ANCHOR_WEIGHT` measured ones."""
    table = table_of(list(anchors()), encode)
    return replace(table, weights=np.full(len(table.weights), ANCHOR_WEIGHT))


def table_of(examples: Sequence[Example], encode: Encode) -> Table:
    """Examples as columns, weighed by task."""
    return Table(
        embeddings=embedded([example.prompt for example in examples], encode),
        features=np.stack([read(example.prompt) for example in examples]),
        weak=np.array([example.weak for example in examples]),
        strong=np.array([np.nan if example.strong is None else example.strong for example in examples]),
        weights=task_weights([example.task for example in examples]),
        domains=[example.domain for example in examples],
    )


def embedded(prompts: Sequence[str], encode: Encode, batch: int = 256) -> Matrix:
    """Every distinct prompt once, neighbours in length together: padding is most of the work otherwise."""
    texts = sorted(set(prompts), key=lambda text: (len(text), text))
    vectors: dict[str, bytes] = {}
    for start in range(0, len(texts), batch):
        part = texts[start : start + batch]
        vectors.update(zip(part, encode(part), strict=True))
    return np.stack([np.frombuffer(vectors[prompt], dtype="<f4") for prompt in prompts])


def joined(table: Table, written: Table) -> Table:
    """Measured prompts, then the written ones."""
    return Table(
        np.vstack([table.embeddings, written.embeddings]),
        np.vstack([table.features, written.features]),
        np.concatenate([table.weak, written.weak]),
        np.concatenate([table.strong, written.strong]),
        np.concatenate([table.weights, written.weights]),
        [*table.domains, *written.domains],
    )
