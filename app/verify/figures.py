"""Numbers in one notation: `five thousand` and `5,000` are `5000`, `50 percent` is `50%`."""

import re
from fractions import Fraction

from app.verify.lexicon.words import NUMBER_WORDS, THINGS

_NAMED = {word: int(value) for word, value in NUMBER_WORDS.items() if word not in THINGS and value >= 1}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_PARTS = {
    "half": 2,
    "halve": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "eighth": 8,
    "tenth": 10,
}
_TENS = "|".join(word for word, value in _NAMED.items() if 20 <= value < 100)
_ONES = "|".join(word for word, value in _NAMED.items() if value < 10)
_WORD = rf"(?:{_TENS})-(?:{_ONES})|{'|'.join(word for word in _NAMED if word not in _SCALES)}"
_FIGURES = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"

BEFORE = r"(?<![\w.,/:-])"
"""Not inside a word, a date, a ratio, a range."""
BEHIND = r"(?![\w/%-]|[.,:]\d)"
_JOINED = re.compile(rf"{BEFORE}(?:{_TENS})-(?:{_ONES}){BEHIND}", re.IGNORECASE)
_SCALED = re.compile(  # five hundred twenty is no sum that this reads
    rf"{BEFORE}({_WORD}|{_FIGURES})\s+({'|'.join(_SCALES)}){BEHIND}(?!\s+(?:and\s+)?(?:{_WORD}|\d))", re.IGNORECASE
)
_DOZEN = re.compile(  # what is a dozen? that is no twelve; a dozen eggs are
    rf"{BEFORE}(an?|{_WORD}|{_FIGURES})\s+dozen(?=\s+(?!is|as|was|has|does|this)[a-z]+s\b)", re.IGNORECASE
)
_SPOKEN = re.compile(rf"{BEFORE}(an?|{_ONES})[ -]({'|'.join(_PARTS)})s?(?=\s+(?:of|as)\b)", re.IGNORECASE)
_PERCENT = re.compile(rf"(?:(?<=\d)|\b({_WORD}))\s?per\s?cent\b", re.IGNORECASE)
_WAR = re.compile(
    r"\b(?:WW[ -]?|world war )(one|two|three|i{1,3}|[123])\b|\b(first|second|third) world war\b", re.IGNORECASE
)
_WHICH = {**dict.fromkeys(("one", "i", "1", "first"), 1), **dict.fromkeys(("two", "ii", "2", "second"), 2)}
_TWICE = re.compile(rf"{BEFORE}(?:two|2) times\b", re.IGNORECASE)
_THRICE = re.compile(rf"{BEFORE}(?:three|3) times\b", re.IGNORECASE)
_HINT = re.compile(
    rf"per\s?cent|dozen|times|\bww|world war|{'|'.join((*_SCALES, *_PARTS))}|(?:{_TENS})-", re.IGNORECASE
)
_PLACES = 6


def in_figures(text: str) -> str:
    """`text` with compound numbers, fractions and world wars in figures, and the sign for percent."""
    if not _HINT.search(text):
        return text
    text = _JOINED.sub(lambda found: str(_value(found.group())), text)
    for _ in range(2):  # five hundred thousand
        text = _SCALED.sub(lambda found: _times(found, _SCALES[found[2].lower()]), text)
    text = _DOZEN.sub(lambda found: _times(found, 12), text)
    text = _WAR.sub(lambda found: f"World War {_WHICH.get((found[1] or found[2]).lower(), 3)}", text)
    text = _THRICE.sub("thrice", _TWICE.sub("twice", text))
    text = _SPOKEN.sub(lambda found: f"{_value(found[1])}/{_PARTS[found[2].lower()]}", text)
    return _PERCENT.sub(lambda found: f"{_value(found[1]) if found[1] else ''}%", text)


def decimal(value: Fraction) -> str | None:
    """`value` as figures; None where six decimals do not hold it."""
    if (value * 10**_PLACES).denominator != 1:
        return None
    return f"{float(value):.{_PLACES}f}".rstrip("0").rstrip(".")


def _value(words: str) -> Fraction:
    """Of `a`, `seven`, `twenty-seven` or figures."""
    low = words.lower().replace(",", "")
    if low in {"a", "an"}:
        return Fraction(1)
    return Fraction(low) if low[0].isdigit() else Fraction(sum(_NAMED[word] for word in low.split("-")))


def _times(found: re.Match[str], factor: int) -> str:
    return decimal(_value(found[1]) * factor) or found.group()
