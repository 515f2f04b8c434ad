"""Which word an edit puts in another's place: families of words that exclude, or that mean, one another."""

from collections.abc import Iterable, Mapping, Sequence

from app.verify.lexicon.words import ANTONYMS, CALENDAR, NUMBER_WORDS, SYNONYMS, UNITS

Fellows = Mapping[str, Sequence[str]]
"""A lower-case word to those that may stand in its place; one that is named twice is drawn twice as often."""

_TIME = (*CALENDAR[:-1], "morning afternoon evening night", "this last next", "red green blue", "black white")
_PEOPLE = (
    "my your his her our their",
    "i he she they",
    "me him her them",
    "myself yourself himself herself",
    "mother father brother sister son daughter wife husband friend boss uncle aunt cousin teacher neighbor",
    "boyfriend girlfriend wife husband",
    "students teachers parents children adults",
    "men women",
    "boys girls",
    "man woman child",
)
_QUESTION = ("what who where when why how", "how why", "when where", "who what", "which what")
_MODAL = ("must may", "will did", "was will", "should must")
_QUANTITY = (
    "all some",
    "most few",
    "every any",
    "both neither",
    "only also",
    "at least",
    "more less",
    "first second third",
    "once twice",
    "half double",
    "double triple",
    "always sometimes never",
    "any all",
    "one two three",
    "single multiple",
)
_PREPOSITION = (
    "to from",
    "before after",
    "with without",
    "by for",
    "above below",
    "into from",
    "under over",
    "of for",
    "against for",
    "until since",
    "in outside",
    "between within",
    "on off",
    "up down",
    "like unlike",
    "except including",
)


def fellows(lines: Iterable[str]) -> dict[str, list[str]]:
    """Each word's fellows, from lines of words; of names of one thing, parted by `|`, the first."""
    found: dict[str, list[str]] = {}
    for line in lines:
        words = [word.split("|")[0] for word in line.split()]
        for word in words:
            found.setdefault(word, []).extend(other for other in words if other != word)
    return found


def word_families(antonyms: Sequence[tuple[str, str]]) -> dict[str, Fellows]:
    """Fellows by the name of the edit that exchanges them; `antonyms` are pairs beside the hand-made ones."""
    return {
        "number_word": _number_words(),
        "unit": fellows(_units()),
        "antonym": fellows([*ANTONYMS.split(","), *map(" ".join, antonyms)]),
        "time": fellows(_TIME),
        "people": fellows(_PEOPLE),
        "question": fellows(_QUESTION),
        "quantity": fellows(_QUANTITY),
        "preposition": fellows(_PREPOSITION),
        "modal": fellows(_MODAL),
        "synonym": fellows(SYNONYMS.split(",")),
    }


def _number_words() -> Fellows:
    return {word: [other for other in NUMBER_WORDS if other != word] for word in NUMBER_WORDS if word != "one"}


def _units() -> list[str]:
    """Lines of units, singular and plural."""
    singular = [" ".join(word.split("|")[0] for word in line.split()) for line in UNITS]
    return [*singular, *(" ".join(f"{word}s" for word in line.split()) for line in singular)]
