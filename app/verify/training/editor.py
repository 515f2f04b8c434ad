"""What all edits use: a random source, words to put in, places to put them."""

import random
import re
from collections.abc import Callable, Sequence
from copy import copy

from app.verify.training.families import Fellows, word_families
from app.verify.training.phrases import THINGS

WORD = re.compile(r"[A-Za-z][A-Za-z'’]*")
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_NAME = re.compile(r"\b[A-Z][a-z]{2,}\b")


class Editor:
    """Draws for edits. `names` are proper nouns by frequency, `nouns` lower-case words, both of the training part;
    `antonyms` are pairs beside the hand-made ones."""

    def __init__(
        self, rng: random.Random, names: Sequence[str], nouns: Sequence[str], antonyms: Sequence[tuple[str, str]]
    ) -> None:
        self.rng = rng
        self.names, self.nouns = list(names), list(nouns)
        self.known_names, self.known_nouns = frozenset(names), frozenset(nouns)
        self.families = word_families(antonyms)

    def drawing(self, rng: random.Random) -> "Editor":
        """The same editor with another random source."""
        other = copy(self)
        other.rng = rng
        return other

    def exchange(self, text: str, fellows: Fellows) -> str | None:
        """One word replaced by a fellow of it, its case kept; None where no word has any."""
        spots = [spot for spot in WORD.finditer(text) if spot.group().lower() in fellows]
        if not spots:
            return None
        spot = self.rng.choice(spots)
        return splice(text, spot, like(spot.group(), self.rng.choice(fellows[spot.group().lower()])))

    def nouns_in(self, text: str, shortest: int) -> list[re.Match[str]]:
        """Its nouns of `shortest` letters or more."""
        return [spot for spot in WORD.finditer(text) if len(spot.group()) >= shortest and self.is_noun(spot.group())]

    def is_noun(self, word: str) -> bool:
        """Whether the training part has the word in small letters, and often."""
        return word in self.known_nouns

    def is_name(self, word: str) -> bool:
        """Whether the training part has it as a name."""
        return word in self.known_names

    def insert(self, text: str, templates: Sequence[str]) -> str | None:
        """A sentence before the question of a word problem; None where `text` is none."""
        sentences = _SENTENCE_END.split(text.strip())
        if len(sentences) < 3 or len(NUMBER.findall(text)) < 2:
            return None
        # the first word of a sentence has a capital, name or not
        named = _NAME.findall(" ".join(sentence.split(" ", 1)[-1] for sentence in sentences)) or ["He"]
        line = self.rng.choice(templates).format(
            n=self.rng.choice(named), k=self.rng.randint(2, 40), x=self.rng.choice(THINGS)
        )
        place = self.rng.randint(1, len(sentences) - 1)
        return " ".join([*sentences[:place], line, *sentences[place:]])


Edit = Callable[[Editor, str], str | None]
"""A changed text, or None where the edit does not apply."""


def of_family(name: str) -> Edit:
    """The edit that exchanges one word for another of its family: see `app.verify.training.families`."""
    return lambda editor, text: editor.exchange(text, editor.families[name])


def splice(text: str, spot: re.Match[str], new: str) -> str:
    """`text` with `new` where `spot` was found."""
    return text[: spot.start()] + new + text[spot.end() :]


def like(old: str, new: str) -> str:
    """`new` in the case of `old`."""
    if old.isupper() and len(old) > 1:
        return new.upper()
    return new[:1].upper() + new[1:] if old[:1].isupper() else new
