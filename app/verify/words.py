"""A prompt as a sequence of words, each with what it is compared by."""

import math
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from app.verify.courtesy import without_courtesy
from app.verify.figures import in_figures
from app.verify.lexicon.words import CONTRACTIONS, NUMBER_WORDS, THINGS, WRITING

_TOKEN = re.compile(
    r"\d+(?:,\d{3})+(?:\.\d+)?(?![\w])|\d*\.\d+(?![\w.])"  # 1,000.50 and 1.5
    r"|[^\W_]+(?:['’\-_.:/@&]+[^\W_]+)*|[^\w\s]"  # words and what joins them; symbols
)
_LETTERS = re.compile(r"[a-z]+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?|\.\d+")
_FRACTION = re.compile(r"(\d+)/(\d+)")
_MEASURE = re.compile(r"(\d+(?:\.\d+)?)(k|m|bn|st|nd|rd|th|%|[a-z]{1,4})")
_SCALES = {"k": 1e3, "m": 1e6, "bn": 1e9}
_ORDINALS = frozenset({"st", "nd", "rd"})
_QUIET = frozenset(".,?!;:\"'’‘“”()[]…-–—`*_¿¡&/")
"""Symbols that say nothing by themselves; `* _` are Markdown's."""
_ARTICLES = frozenset({"a", "an", "the"})
_EMOJI = 0x2600
"""Pictures begin here; they say nothing that must agree."""
_LONGEST = 3000
"""Characters that are read."""


class Kind(StrEnum):
    """What a word is compared as."""

    WORD = "word"
    NUMBER = "number"
    NAME = "name"
    SYMBOL = "symbol"


@dataclass(frozen=True, slots=True)
class Word:
    """`surface` as written; `base` what must agree (a stem, a number's value, a symbol); its kind."""

    surface: str
    base: str
    kind: Kind

    @property
    def lower(self) -> str:
        """The surface in lower case."""
        return self.surface.lower()


def stem(word: str) -> str:
    """A lower-case word without the ending of the plural: the S-stemmer (Harman 1991, How effective is suffixing?).

    More would join words that differ (`integral`, `integrity`); verbs' forms are left to the model.
    """
    if word.endswith("ies") and len(word) > 4 and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith("es") and len(word) > 3 and word[-3] not in "aeo":
        return word[:-1]
    if word.endswith("s") and len(word) > 3 and word[-2] not in "us":
        return word[:-1]
    return word


def words_of(text: str) -> list[Word]:
    """The words of `text`, contractions written out, politeness and articles gone, quiet punctuation dropped."""
    plain = without_courtesy(_plain(text))
    plain = plain if mentions(plain, WRITING) else in_figures(plain)
    cased = text != text.lower() and text != text.upper()
    found: list[Word] = []
    for match in _TOKEN.finditer(plain):
        found += _words(match.group(), cased and match.start() > 0 and not _begins(plain, match.start()))
    return [word for word in found if word.base not in _ARTICLES or (word.kind is Kind.NAME and word.surface == "A")]


def mentions(text: str, words: frozenset[str]) -> bool:
    """Whether any of some lower-case words is in a text."""
    return not words.isdisjoint(_LETTERS.findall(text.lower()))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:_LONGEST]).replace("’", "'").replace("‘", "'")


def _begins(text: str, start: int) -> bool:
    """Whether a sentence begins here: its capital says nothing."""
    before = text[:start].rstrip(" \t\n\"'(“‘")
    return not before or before[-1] in ".?!:"


def _words(token: str, cased: bool) -> list[Word]:
    low = token.lower()
    if low in _QUIET:
        return []
    if low in CONTRACTIONS:
        return [Word(part, stem(part), Kind.WORD) for part in CONTRACTIONS[low].split()]
    if low.endswith("'s") and low[:-2].isalpha():
        return [*_words(token[:-2], cased), Word("'s", "'s", Kind.WORD)]
    if (number := _value(low)) is not None:
        return [Word(token, number, Kind.NUMBER)]
    return _mixed(token, low) if any(letter.isdigit() for letter in low) else _letters(token, low, cased)


def _letters(token: str, low: str, cased: bool) -> list[Word]:
    """What has no digits: a symbol, a word or a name, or several joined by hyphens."""
    if not low[0].isalnum():
        return [Word(token, token, Kind.SYMBOL)] if ord(low[0]) < _EMOJI else []
    if "-" in low or "/" in low:
        return [word for part in re.split(r"[-/]+", token) for word in _words(part, cased)]
    name = cased and token[0].isupper() and low != "i"
    return [Word(token, stem(low.replace(".", "")), Kind.NAME if name else Kind.WORD)]


def _mixed(token: str, low: str) -> list[Word]:
    """30k, 5kg, 2nd, 3/4 and 10-20 are numbers with company; iphone7 and CS-101 are names."""
    if match := _FRACTION.fullmatch(low):
        return [Word(token, _quotient(int(match[1]), int(match[2])) or low, Kind.NUMBER)]
    if "-" in low or "/" in low or ":" in low:
        return [word for part in re.split(r"[-/:]+", token) if part for word in _words(part, False)]
    if match := _MEASURE.fullmatch(low):
        return _measured(float(match[1]), match[1], match[2], token)
    return [Word(token, low, Kind.NAME)]


def _measured(value: float, figures: str, unit: str, token: str) -> list[Word]:
    if unit in _SCALES:
        return [Word(token, _text(value * _SCALES[unit]), Kind.NUMBER)]
    unit = "th" if unit in _ORDINALS else unit
    return [Word(figures, _text(value), Kind.NUMBER), Word(unit, unit, Kind.WORD)]


def _value(low: str) -> str | None:
    """The value of a number, as text; None for what is none. `one` is a pronoun as often and stays a word."""
    if low in THINGS:
        return THINGS[low]
    if low in NUMBER_WORDS and low != "one":
        return _text(NUMBER_WORDS[low])
    plain = low.replace(",", "")
    # 3.10 is not 3.1: it may be a version
    return (plain if "." in plain else _text(float(plain))) if _NUMBER.fullmatch(plain) else None


def _quotient(part: int, whole: int) -> str | None:
    """Of a fraction in lowest terms below one; 2/4 and 1/2 may be dates, 2/1 is a ratio."""
    return _text(part / whole) if 0 < part < whole and math.gcd(part, whole) == 1 else None


def _text(value: float) -> str:
    return f"{value:.10g}"
