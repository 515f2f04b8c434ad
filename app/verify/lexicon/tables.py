"""The look-up tables of the rules, built once."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.verify.lexicon.words import ANTONYMS, CALENDAR, COMMANDS, FUNCTION_WORDS, NEW_WORDS, UNITS
from app.verify.words import stem

WORDNET = Path(__file__).parent / "wordnet_antonyms.txt"
RARE = Path(__file__).parent / "wordnet_words.txt"
"""Words that the vocabulary lacks and that a slip turns into one of it: acne and cane, debit and debt.

They are WordNet's words of small letters and their regular forms (-s, -ed, -ing), those that `misspelt` would join."""
Fellows = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """`opposites` and `fellows` map a lower-case word to those it excludes; `known` tells English words from slips."""

    opposites: Fellows
    fellows: Fellows
    known: Callable[[str], bool]

    @classmethod
    def of(cls, vocabulary: Iterable[str]) -> "Lexicon":
        """With the whole words of a word-piece vocabulary as the dictionary."""
        whole = frozenset(word for word in vocabulary if word.isascii() and word.isalpha() and len(word) > 1)
        words = whole | rare_words() | NEW_WORDS | COMMANDS
        return cls(opposites(), fellows(), lambda word: word in words or stem(word) in words)

    def english(self, words: Iterable[str]) -> bool:
        """Whether lower-case words, names not among them, are English as far as can be told.

        Half are in the dictionary and one in nine binds sentences (or the first is a command: `explain osmosis`), or
        nearly all are in it.
        """
        letters = [word for word in words if word.isalpha() and len(word) > 1]
        found = sum(map(self.known, letters))
        bound = sum(word in FUNCTION_WORDS for word in letters) + (letters[:1] != [] and letters[0] in COMMANDS)
        return (found * 2 >= len(letters) and bound * 9 >= len(letters)) or found * 8 >= len(letters) * 7


@cache
def wordnet_pairs() -> tuple[tuple[str, str], ...]:
    """WordNet's antonyms of single words."""
    lines = WORDNET.read_text(encoding="utf-8").splitlines()
    return tuple((one, other) for one, other in (line.split() for line in lines))


@cache
def rare_words() -> frozenset[str]:
    """Those of `RARE`."""
    return frozenset(RARE.read_text(encoding="utf-8").split())


@cache
def opposites() -> Fellows:
    """Hand-made pairs and WordNet's, both ways."""
    pairs = [form for pair in ANTONYMS.split(",") for form in _forms(*pair.split())]
    return _both_ways([*pairs, *wordnet_pairs()])


def _forms(one: str, other: str) -> list[tuple[str, str]]:
    """The pair, and its forms as if both were regular verbs: what is no word is never met."""
    return [(one, other), *((_with(one, end), _with(other, end)) for end in ("s", "ed", "ing", "er"))]


def _with(word: str, end: str) -> str:
    return word[:-1] + end if word.endswith("e") and end != "s" else word + end


@cache
def fellows() -> Fellows:
    """Units, times and colours: one excludes the others of its family, not its own other names."""
    pairs = []
    for line in (*UNITS, *CALENDAR):
        concepts = [word.split("|") for word in line.split()]
        pairs += [(one, two) for a in concepts for b in concepts if a is not b for one in a for two in b]
    return _both_ways(pairs)


def _both_ways(pairs: Iterable[tuple[str, ...]]) -> Fellows:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        found[one].add(other)
        found[other].add(one)
    return {word: frozenset(others) for word, others in found.items()}
