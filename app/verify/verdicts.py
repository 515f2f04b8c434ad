"""A pair of prompts judged by their words: it passes, it is forbidden, or the model is asked and about what."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.verify import rules
from app.verify.arithmetic import tells, worked_out
from app.verify.capitals import mixed, other_capitals
from app.verify.differences import Differences, compare
from app.verify.lexicon.tables import Lexicon
from app.verify.lexicon.words import word_set
from app.verify.literals import literals, same_letters
from app.verify.words import Kind, Word, words_of

RULES_VERSION = 3
"""Part of the verifier's version: raise it when words are judged otherwise."""
_OWN = re.compile(r"(?<!(?i:war) )\b(?i:i|my|me|mine|we|our)\b|\bus\b")
"""The first person, `How do I` among it; the US are none, nor is a world war."""
_QUESTION_WORDS = word_set(
    "what how why when where which who whom whose is are was were am do does did can could should would will has have "
    "had may"
)


class Regime(StrEnum):
    """The kind of difference that the model judges; each is calibrated by itself."""

    SMALL = "small words differ"
    ORDER = "the order differs"
    ADDED = "words were added or left out"
    REPLACED = "words were replaced"
    STATEMENT = "statements differ"
    PROBLEM = "texts with figures differ"
    OWN_QUESTION = "questions in the first person differ"
    OWN_STATEMENT = "statements in the first person differ"


@dataclass(frozen=True, slots=True)
class ByWords:
    """`same` is True or False where words decided, None where the model must; `reason` says which rule, or what the
    model is asked about. `regime` is that of the pair whoever decides, None where the two were not compared."""

    same: bool | None
    reason: str
    regime: Regime | None = None


def judge_words(stored: str, asked: str, lexicon: Lexicon) -> ByWords:
    """What the words of two prompts say. Costs 0.2 ms for two questions."""
    a, b = words_of(stored), words_of(asked)
    if not (a and b):
        return ByWords(False, "nothing to compare")
    if not (_english(a, lexicon) and _english(b, lexicon)):
        same = same_letters(stored, asked) and not _literals(stored, asked)
        return ByWords(same, "the same letters" if same else "not English: only the same letters pass")
    said = _judge(stored, asked, compare(a, b, lexicon.known), lexicon)
    sums = not said.same and tells(stored) and tells(asked)
    return (_worked_out(stored, asked, lexicon) if sums else None) or said


def _worked_out(stored: str, asked: str, lexicon: Lexicon) -> ByWords | None:
    """What the words say once the arithmetic in them is done; None where that lets nothing pass."""
    one, other = worked_out(stored), worked_out(asked)
    found = compare(words_of(one), words_of(other), lexicon.known)
    said = _judge(stored, asked, found, lexicon)
    return said if said.same or (said.same is None and rules.is_problem(found)) else None


def _judge(stored: str, asked: str, found: Differences, lexicon: Lexicon) -> ByWords:
    regime = regime_of(found, asked)
    if reason := rules.forbidden(found, lexicon.opposites, lexicon.fellows):
        return ByWords(False, reason, regime)
    if other_capitals(found.stored, found.asked, (stored, asked), rules.FILLERS):
        return ByWords(False, "capitals make another word", regime)
    if _literals(stored, asked):
        return ByWords(False, "other literals", regime)
    if found.same_words and not counted_otherwise(found):
        return ByWords(True, "the same words", regime)
    return ByWords(None, regime.value, regime)


def counted_otherwise(found: Differences) -> bool:
    """An example, some examples; security, securities: the same words but for the ending of the plural."""
    pairs = zip(found.stored, found.asked, strict=True)
    words = ((a.lower, b.lower) for a, b in pairs if Kind.NUMBER not in (a.kind, b.kind))
    return any(a != b and a.endswith("s") != b.endswith("s") for a, b in words)


def _literals(stored: str, asked: str) -> bool:
    """Whether what must agree to the letter does not. Case counts where both texts have capitals and small letters."""
    cased = mixed(stored) and mixed(asked)
    return literals(stored, cased) != literals(asked, cased)


def _english(words: Sequence[Word], lexicon: Lexicon) -> bool:
    return lexicon.english([word.lower for word in words if word.kind is Kind.WORD])


def regime_of(found: Differences, asked: str) -> Regime:
    """Which calibration applies."""
    if rules.is_problem(found):
        return Regime.PROBLEM
    own = bool(_OWN.search(asked))
    if not _asks(asked, found.asked):
        return Regime.OWN_STATEMENT if own else Regime.STATEMENT
    if own:
        return Regime.OWN_QUESTION
    gone, come = ([w for w in words if rules.carries(w)] for words in (found.gone, found.come))
    if gone and come:
        return Regime.REPLACED
    if gone or come:
        return Regime.ADDED
    return Regime.ORDER if any(map(rules.carries, found.moved)) else Regime.SMALL


def _asks(text: str, words: Sequence[Word]) -> bool:
    return text.rstrip().endswith("?") or any(word.lower in _QUESTION_WORDS for word in words[:1])
