"""Capitals that make another word: US and us, CO and Co, mM and mm, Polish and polish, userId and userID."""

from collections.abc import Sequence

from app.verify.lexicon.words import word_set
from app.verify.words import Kind, Word

SHOUTED = word_set("us it who may aids china polish turkey march mark pat rob bill will")
"""Words that are another word in capitals, or with one."""
Places = Sequence[tuple[Word, bool]]
"""Words, and whether a number stands before each."""


def other_capitals(
    stored: Sequence[Word], asked: Sequence[Word], texts: tuple[str, str], quiet: frozenset[str]
) -> bool:
    """Whether a word of one side is in the other with capitals that make it another word, and only so.

    `texts` are the two as written: in one that whispers or shouts capitals say nothing, but for `SHOUTED` words where
    the other side shows that its writer begins sentences small. Of `quiet` words no capital says anything.
    """
    a, b = map(mixed, texts)
    if not (a or (b and asked[0].surface[0].islower())) or not (b or (a and stored[0].surface[0].islower())):
        return False
    sides = _with_before(stored), _with_before(asked)
    return any(_missing(one, other, a and b, quiet) for one, other in (sides, sides[::-1]))


def mixed(text: str) -> bool:
    """Whether a text has capitals and small letters."""
    return text not in {text.lower(), text.upper()}


def _missing(words: Places, others: Places, strict: bool, quiet: frozenset[str]) -> bool:
    """Whether a word has twins on the other side, and all of them are other words."""
    for word, counted in words:
        twins = [(twin, counted and its) for twin, its in others if twin.lower == word.lower]
        if twins and all(_another(word, twin, unit, strict, quiet) for twin, unit in twins):
            return True
    return False


def _with_before(words: Sequence[Word]) -> Places:
    return [(word, i > 0 and words[i - 1].kind is Kind.NUMBER) for i, word in enumerate(words)]


def _another(one: Word, other: Word, counted: bool, strict: bool, quiet: frozenset[str]) -> bool:
    a, b = one.surface, other.surface
    if one.lower in SHOUTED:
        loud = (a.isupper() and b.islower()) or (a.islower() and b.isupper())
        return loud or (strict and one.lower not in quiet and one.kind is not other.kind)
    if a == b or one.lower in quiet or not strict:
        return False
    short = len(a) <= 3 and not (a.islower() or b.islower())
    unit = counted and len(a) <= 2
    return short or unit or (a[1:] != a[1:].lower() and b[1:] != b[1:].lower())
