"""Training of the pair model: bf16 arithmetic, batches of one length, a linear warm-up and decay."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from app.verify.pair_model import padded, rounded
from app.verify.pairing import MAX_TOKENS, PairInput, pair_input
from app.verify.training.corpus import Pair, chunked
from app.verify.training.model import PairModel

BATCH_TOKENS = 4096
STEP = 8
"""Lengths are multiples of it: each new shape costs oneDNN a new kernel, and thousands of shapes 10 GB."""
WARM, LEAST = 0.06, 0.02
"""The share of all steps over which the rate rises, and the share of it that is left at the end."""
SMOOTH = 0.03
"""Labels are this far from 0 and 1: some of QQP's are wrong."""
DECAY = 0.01
TOLD = 200
"""Steps between two words of progress."""
Progress = Callable[[str], None]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Leg:
    """A stretch of training: `epochs` of a schedule that was made for `planned`, from the mixture's epoch `first` on.

    `rate` is the highest learning rate; `edits` are tried in an epoch; `judged`: mostly pairs that words leave open.
    """

    epochs: int
    planned: int
    first: int
    rate: float
    edits: int
    judged: bool


def fit(
    model: PairModel, epoch_of: Callable[[int], list[Pair]], leg: Leg, tokenizer: Tokenizer, progress: Progress
) -> None:
    """Train one leg on the pairs of `epoch_of(number)`."""
    optimizer, begun = _optimizer(model, leg.rate), time.monotonic()
    for number in range(leg.epochs):
        pairs = epoch_of(leg.first + number)
        rows, labels = inputs(pairs, tokenizer), _smoothed(pairs)
        plan = list(batches(rows, random.Random(number)))
        losses: list[float] = []
        model.train()
        for step, batch in enumerate(plan):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate((number + step / len(plan)) / leg.planned, leg.rate)
            losses.append(_step(model, optimizer, [rows[i] for i in batch], labels[batch]))
            if step % TOLD == TOLD - 1:
                seen = f"epoch {leg.first + number} step {step + 1}/{len(plan)} loss {np.mean(losses[-TOLD:]):.4f}"
                progress(f"{seen} {time.monotonic() - begun:.0f} s")
    model.eval()


def logits(model: PairModel, pairs: Sequence[Pair], tokenizer: Tokenizer) -> npt.NDArray[np.float64]:
    """The model's logits, shape (pairs,)."""
    rows = inputs(pairs, tokenizer)
    found = np.zeros(len(rows), dtype=np.float64)
    with torch.inference_mode():
        for batch in batches(rows, random.Random(0)):
            found[batch] = _forward(model, [rows[i] for i in batch]).numpy()
    return found


def inputs(pairs: Sequence[Pair], tokenizer: Tokenizer) -> list[PairInput]:
    """Every pair as the model reads it; a long prompt loses its end."""
    encoded = tokenizer.encode_batch([text for pair in pairs for text in (pair.a, pair.b)], add_special_tokens=False)
    ids = [each.ids[:MAX_TOKENS] for each in encoded]
    return [pair_input(ids[2 * i], ids[2 * i + 1]) for i in range(len(pairs))]


def batches(rows: Sequence[PairInput], rng: random.Random) -> Iterator[list[int]]:
    """Indices of rows of about one length, `BATCH_TOKENS` a batch, in random order."""
    buckets: dict[int, list[int]] = {}
    for i in rng.sample(range(len(rows)), len(rows)):
        buckets.setdefault(rounded(len(rows[i].ids), STEP), []).append(i)
    found = [
        list(part) for length, places in buckets.items() for part in chunked(places, max(1, BATCH_TOKENS // length))
    ]
    rng.shuffle(found)
    yield from found


def learning_rate(done: float, rate: float) -> float:
    """After the share `done` of all steps, `rate` being the highest."""
    if done < WARM:
        return rate * (done / WARM) * (1 - done)
    return rate * max(LEAST, (1 - done) / (1 - WARM))


def _optimizer(model: PairModel, rate: float) -> torch.optim.Optimizer:
    """AdamW, without decay of biases and norms."""
    trained = _trained(model)
    matrices, vectors = [p for p in trained if p.dim() > 1], [p for p in trained if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate)


def _trained(model: PairModel) -> list[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _smoothed(pairs: Sequence[Pair]) -> Floats:
    return np.array([pair.label for pair in pairs], dtype=np.float32) * (1 - 2 * SMOOTH) + SMOOTH


def _step(model: PairModel, optimizer: torch.optim.Optimizer, rows: Sequence[PairInput], labels: Floats) -> float:
    """Learn from one batch; its loss."""
    loss = torch.nn.functional.binary_cross_entropy_with_logits(_forward(model, rows), torch.from_numpy(labels))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(_trained(model), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def _forward(model: PairModel, rows: Sequence[PairInput]) -> torch.Tensor:
    """Logits in float32, shape (rows,)."""
    ids, segments, matches = torch.from_numpy(padded(rows, STEP))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(ids, segments, matches)
    return found.float()
