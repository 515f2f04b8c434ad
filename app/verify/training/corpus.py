"""Labelled pairs from files, split by question: no prompt, nor one that shares a pair with it, stands in two parts."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

Part = Literal["train", "calibrate", "validate"]
Label = Literal[0, 1]
T = TypeVar("T")

CALIBRATE_SHARE, VALIDATE_SHARE = 10, 15
"""Per cent of the questions; the rest trains."""
SOURCES = ("qqp_pairs", "minedit_pairs", "paws_x_en", "gsmplus_pairs", "gptcache_mock", "stsb")
STS_SAME, STS_DIFFERENT = 4.8, 3.0
"""Graded similarity (0–5): at or above the first, two sentences say the same; below the second they do not."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two prompts and whether the same answer serves both. `kind` is the source, or the source and its category."""

    a: str
    b: str
    label: Label
    kind: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """A customer's sentence and the intent that people gave it."""

    text: str
    intent: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything that was read: pairs by part, utterances by source and part."""

    pairs: dict[Part, list[Pair]]
    utterances: dict[str, dict[Part, list[Utterance]]]

    def sentences(self, part: Part) -> list[str]:
        """Distinct prompts of a part, in the order they were read."""
        return list(dict.fromkeys(text for pair in self.pairs[part] for text in (pair.a, pair.b)))

    def shifted(self, part: Part) -> "Corpus":
        """With `part` in the place of the training part."""
        utterances = {name: {**parts, "train": parts[part]} for name, parts in self.utterances.items()}
        return Corpus({**self.pairs, "train": self.pairs[part]}, utterances)


def read_corpus(folder: Path) -> Corpus:
    """Read `folder/cache/*.jsonl`. Raises FileNotFoundError when a file is missing."""
    found = [pair for source in SOURCES for pair in read_pairs(folder / "cache" / f"{source}.jsonl", source)]
    pairs: dict[Part, list[Pair]] = {"train": [], "calibrate": [], "validate": []}
    for pair, part in zip(found, split(found), strict=True):
        pairs[part].append(pair)
    names = ("banking77_train", "clinc150_train")
    return Corpus(pairs, {name: _utterances(folder / "cache" / f"{name}.jsonl") for name in names})


def read_pairs(path: Path, kind: str) -> Iterator[Pair]:
    """The pairs of one file; lines with a `score` become pairs where it is clear."""
    for row in rows(path):
        label = row["label"] if "label" in row else _graded(row["score"])
        if label is not None:
            category = f"{kind}/{row['category']}" if "category" in row else kind
            yield Pair(row["a"], row["b"], label, category)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """JSON objects, one a line."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def split(pairs: Sequence[Pair]) -> list[Part]:
    """The part of each pair. Prompts that meet in a pair, in any file, stay together."""
    groups = _Groups()
    for pair in pairs:
        groups.join(_plain(pair.a), _plain(pair.b))
    return [part_of(groups.root(_plain(pair.a))) for pair in pairs]


def part_of(text: str) -> Part:
    """By hash: no seed moves a question from one part to another."""
    bucket = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % 100
    if bucket < VALIDATE_SHARE:
        return "validate"
    return "calibrate" if bucket < VALIDATE_SHARE + CALIBRATE_SHARE else "train"


def _utterances(path: Path) -> dict[Part, list[Utterance]]:
    parts: dict[Part, list[Utterance]] = {"train": [], "calibrate": [], "validate": []}
    for row in rows(path):
        parts[part_of(row["text"])].append(Utterance(row["text"].strip(), row["intent"]))
    return parts


def _graded(score: float) -> Label | None:
    if score >= STS_SAME:
        return 1
    return 0 if score < STS_DIFFERENT else None


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


class _Groups:
    """Union-find; the root of a group is its smallest text, whatever the order of the joins."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, text: str) -> str:
        while (parent := self._parent.setdefault(text, text)) != text:
            self._parent[text] = text = self._parent[parent]
        return text

    def join(self, a: str, b: str) -> None:
        first, second = sorted((self.root(a), self.root(b)))
        self._parent[second] = first


def chunked(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """`items` in runs of `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
