"""`leanserve cache train`: labelled pairs in, the verifier's weights, calibration and model card out."""

import hashlib
import json
import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from app.embed.batching import Encode
from app.embed.sentence import open_encoder
from app.embed.source import MINILM, find_embedder
from app.verify.calibration import CALIBRATION
from app.verify.lexicon.tables import Lexicon, wordnet_pairs
from app.verify.pair_model import MODEL, fits
from app.verify.pair_model import PairModel as ServedModel
from app.verify.training.card import card
from app.verify.training.corpus import Corpus, Pair, Part, chunked, read_corpus
from app.verify.training.export import export
from app.verify.training.fit import Leg, Progress, fit
from app.verify.training.implied import intent_pairs
from app.verify.training.mixture import Mixture, editor_for
from app.verify.training.model import PairModel
from app.verify.training.report import TrainReport
from app.verify.training.scales import Floats, OfPairs, Scored, calibrate, cross_fitted, scored
from app.verify.verdicts import judge_words

LEGS = (
    Leg(epochs=1, planned=3, first=0, rate=6e-5, edits=42_000, judged=False),
    Leg(epochs=1, planned=3, first=1, rate=5e-5, edits=42_000, judged=False),
    Leg(epochs=2, planned=2, first=7, rate=5e-5, edits=60_000, judged=True),
)
"""How the shipped weights were made. The last leg shows what the model is asked about at work.

More of it does not help: five further epochs, with their own warm-up and decay, took QQP's recall at 1% from .20 to .18
and PAWS' from .34 to .20, while the loss on training pairs went on falling; means of weights along the way (Izmailov et
al. 2018) won 2 points of recall and paid for them with two false hits more on GSM-Plus and on PAWS.
"""
DECIDED = 0.08
"""The share of pairs that words decide which a `judged` leg shows all the same."""
UNREADABLE = -1e6
WEIGHTS = {"made": 0.02, "intent": 0.2, "minedit_pairs": 0.1}
"""How much a pair of a source counts in calibration; the others count one. Machine-made edits are easier than what
people write and now and then wrongly labelled; minimal edits are decided by words."""


def train(
    data: Path, output: Path, seed: int, progress: Progress, *, left_out: Sequence[str] = (), legs: Sequence[Leg] = LEGS
) -> TrainReport:
    """Train on `data/cache/*.jsonl` and write weights, calibration and MODEL_CARD.md into `output`.

    About an hour and a half on two idle cores with AVX-512. The same seed, data and library versions show the same
    pairs in the same order; sums of floating point differ between machines. `left_out` kinds of edit are not shown.
    Raises FileNotFoundError without data, ImportError without the extra `train`.
    """
    torch.manual_seed(seed)
    corpus, source = read_corpus(data), find_embedder(MINILM)
    encode = batched(open_encoder(source, torch.get_num_threads()))
    mixture = Mixture(corpus, editor_for(corpus, wordnet_pairs(), seed), encode, frozenset(left_out))
    tokenizer = Tokenizer.from_file(f"{source}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    model, lexicon = PairModel.open(source), Lexicon.of(tokenizer.get_vocab())
    for leg in legs:
        fit(model, partial(shown, mixture, lexicon, leg, seed), leg, tokenizer, progress)
    export(model, tokenizer, output)
    return finish(corpus, encode, output, seed, tuple(left_out))


def shown(mixture: Mixture, lexicon: Lexicon, leg: Leg, seed: int, number: int) -> list[Pair]:
    """The pairs of one epoch of a leg."""
    pairs = mixture.epoch(seed * 1000 + number, leg.edits)
    if not leg.judged:
        return pairs
    rng = random.Random(number)
    return [pair for pair in pairs if judge_words(pair.a, pair.b, lexicon).same is None or rng.random() < DECIDED]


def finish(corpus: Corpus, encode: Encode, output: Path, seed: int, left_out: tuple[str, ...] = ()) -> TrainReport:
    """Calibrate the exported model on the parts that training never saw, and write the card."""
    served = ServedModel.open(output, threads=torch.get_num_threads())
    lexicon = Lexicon.of(served.vocabulary())
    found = scored(unseen_pairs(corpus, encode, seed), logits_of(served), cosines_of(encode), lexicon)
    return conclude(found, output, seed, len(corpus.pairs["train"]), left_out)


def conclude(found: Scored, output: Path, seed: int, trained_on: int, left_out: tuple[str, ...] = ()) -> TrainReport:
    """Write calibration and card. The numbers are cross-fitted, the calibration that ships is made of all pairs."""
    weights = weights_of(found)
    version = hashlib.sha256((output / MODEL).read_bytes()).hexdigest()[:12]
    document = calibrate(found, weights, version)
    (output / CALIBRATION).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    report = TrainReport(seed, trained_on, left_out, cross_fitted(found, weights, 0.01), version)
    (output / "MODEL_CARD.md").write_text(card(report), encoding="utf-8")
    return report


def unseen_pairs(corpus: Corpus, encode: Encode, seed: int) -> list[Pair]:
    """Of the calibration and validation parts: the labelled pairs, utterances by intent, and edits of the former."""
    parts: tuple[Part, ...] = ("calibrate", "validate")
    labelled = [pair for part in parts for pair in corpus.pairs[part]]
    named = [(name, found[part]) for part in parts for name, found in corpus.utterances.items()]
    intents = [pair for name, found in named for pair in intent_pairs(found, encode, name)]
    editor = editor_for(corpus, wordnet_pairs(), seed)
    made = Mixture(corpus.shifted("calibrate"), editor, encode).made(random.Random(seed), 8000)
    return [*labelled, *intents, *made]


def weights_of(found: Scored) -> Floats:
    """How much each calibration pair counts."""
    return np.array([WEIGHTS.get(pair.kind.split("/")[0], 1.0) for pair in found.pairs])


def cosines_of(encode: Encode) -> OfPairs:
    """The embedder over pairs of texts, each text once."""

    def compute(pairs: Sequence[tuple[str, str]]) -> Floats:
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        places = {text: i for i, text in enumerate(texts)}
        vectors = np.frombuffer(b"".join(encode(texts)), dtype="<f4").reshape(len(texts), -1)
        return np.array([float(vectors[places[a]] @ vectors[places[b]]) for a, b in pairs])

    return compute


def logits_of(served: ServedModel) -> OfPairs:
    """The served model over texts; what it cannot read whole is as different as can be."""

    def compute(pairs: Sequence[tuple[str, str]]) -> Floats:
        found = np.full(len(pairs), UNREADABLE)
        sides = [tuple(served.tokens(pair)) for pair in pairs]
        readable = [i for i, (a, b) in enumerate(sides) if fits(a) and fits(b)]
        found[readable] = served.logits([(sides[i][0], sides[i][1]) for i in readable])
        return found

    return compute


def batched(encode: Encode, size: int = 512) -> Encode:
    """`encode` in runs of `size` texts, so that memory stays bounded."""
    return lambda texts: [vector for run in chunked(texts, size) for vector in encode(list(run))]
