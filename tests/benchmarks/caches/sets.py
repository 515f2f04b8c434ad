"""The labelled pairs and the FAQ bot's traffic that all caches are measured on: the part that training never saw."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from app.config.gateway import EmbedderSpec
from app.embed.sentence import open_encoder
from app.embed.source import find_embedder
from app.verify.training.corpus import Corpus, Utterance, read_corpus, read_pairs

T = TypeVar("T")

SETS = {
    "minimal edits": "minedit_pairs",
    "GSM-Plus": "gsmplus_pairs",
    "PAWS-X": "paws_x_en",
    "QQP": "qqp_pairs",
}
BOT = "banking77_train"
SEED = 20


@dataclass(frozen=True, slots=True)
class Sets:
    """`pairs` by set with their labels (1: one answer serves both); `stored` and `asked` are the bot's."""

    pairs: dict[str, list[tuple[str, str, int]]]
    stored: list[Utterance]
    asked: list[Utterance]

    def texts(self) -> list[str]:
        """Every text once."""
        paired = [text for rows in self.pairs.values() for a, b, _ in rows for text in (a, b)]
        return sorted({*paired, *(each.text for each in (*self.stored, *self.asked))})


def read_sets(folder: Path, size: int) -> Sets:
    """At most `size` pairs of each set, and as many questions to the bot, which knows all others.

    Raises FileNotFoundError where the data is not there.
    """
    corpus = read_corpus(folder)
    bot = corpus.utterances[BOT]
    pairs = {name: sample(_validation(corpus, source), size) for name, source in SETS.items()}
    return Sets(pairs, [*bot["train"], *bot["calibrate"]], sample(bot["validate"], size))


def questions(folder: Path, count: int) -> list[str]:
    """Different questions that people asked, in a seeded order."""
    rows = read_pairs(folder / "cache" / "qqp_pairs.jsonl", "qqp")
    return sample(sorted({text for pair in rows for text in (pair.a, pair.b)}), count)


def save_embeddings(texts: Sequence[str], path: Path) -> None:
    """Embed `texts` with the graph's embedder, on one thread, into an `.npz` of `texts` and `rows`."""
    encode = open_encoder(find_embedder(EmbedderSpec().model), 1)
    ordered = sorted(texts, key=len)
    rows = [row for start in range(0, len(ordered), 64) for row in encode(ordered[start : start + 64])]
    np.savez(path, texts=np.array(ordered), rows=np.frombuffer(b"".join(rows), "<f4").reshape(len(ordered), -1))


def sample(rows: Sequence[T], size: int) -> list[T]:
    """At most `size` of them, the same every time."""
    return random.Random(SEED).sample(rows, min(size, len(rows)))


def _validation(corpus: Corpus, source: str) -> list[tuple[str, str, int]]:
    return [(each.a, each.b, each.label) for each in corpus.pairs["validate"] if each.kind.split("/")[0] == source]
