"""What differs between two prompts, word by word."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.verify.differences import Differences, compare, misspelt
from app.verify.lexicon.words import word_set
from app.verify.words import Kind, Word, words_of

DICTIONARY = word_set("where is the form from cable table safe account without good buy a big house of and in")
WORDS = st.lists(
    st.sampled_from(["big", "house", "cable", "form", "from", "accuont", "account", "5", "7"]), max_size=12
)


def differences(stored: str, asked: str) -> Differences:
    return compare(words_of(stored), words_of(asked), DICTIONARY.__contains__)


def bases(words: Sequence[Word]) -> list[str]:
    return [word.base for word in words]


def test_gone_and_come_are_told_apart() -> None:
    """What stood at one place is paired up."""
    found = differences("buy a big house", "buy a good house")
    assert (bases(found.gone), bases(found.come)) == (["big"], ["good"])
    assert [(bases(left), bases(right)) for left, right in found.replaced] == [(["big"], ["good"])]
    assert not found.same_words


def test_places_apart_are_paired_up_apart() -> None:
    """A word gone here is not replaced by one that came there."""
    found = differences("big house is safe", "house is safe good")
    assert [(bases(left), bases(right)) for left, right in found.replaced] == [(["big"], []), ([], ["good"])]


def test_what_both_have_elsewhere_has_moved() -> None:
    """It is neither gone nor come."""
    found = differences("cable safe good house", "safe good house cable")
    assert bases(found.moved) == ["cable"]
    assert (found.gone, found.come) == ((), ())
    assert not found.same_words


def test_a_slip_is_no_difference() -> None:
    """The misspelt word is named, and no rule sees it."""
    found = differences("is the account safe", "is the accuont safe")
    assert found.same_words
    assert [(one.surface, other.surface) for one, other in found.misspelt] == [("account", "accuont")]
    assert bases(found.asked) == bases(found.stored)


@pytest.mark.parametrize(
    ("one", "other", "slip"),
    [
        ("account", "acount", True),
        ("account", "accouunt", True),
        ("form", "fomr", True),
        ("form", "from", False),  # two words
        ("cable", "table", False),  # two words
        ("account", "acuont", False),  # two slips in a word of seven letters
        ("without", "wihtuot", False),
        ("in", "ni", False),  # too short to tell
        ("kubernetes", "kubrenetes", True),  # neither is in the dictionary, but long and in small letters
        ("kiev", "kyiv", False),  # neither is in it, and short
        ("account", "acc0unt", False),  # no letters
    ],
)
def test_a_slip_makes_a_string_that_is_no_word(one: str, other: str, slip: bool) -> None:
    """In either direction."""
    a, b = (Word(text, text, Kind.WORD) for text in (one, other))
    assert misspelt(a, b, DICTIONARY.__contains__) is slip
    assert misspelt(b, a, DICTIONARY.__contains__) is slip


def test_two_unknown_names_are_two_names() -> None:
    """However long and near."""
    a, b = (Word(text, text.lower(), Kind.NAME) for text in ("Catarina", "Caterina"))
    assert not misspelt(a, b, DICTIONARY.__contains__)


@settings(deadline=None, max_examples=50)
@given(WORDS, WORDS)
def test_every_word_is_accounted_for(stored: list[str], asked: list[str]) -> None:
    """Gone and moved words are the stored prompt's, come and moved ones the asked prompt's; both ways round."""
    there, back = differences(" ".join(stored), " ".join(asked)), differences(" ".join(asked), " ".join(stored))
    kept = len(there.stored) - len(there.gone)
    assert kept == len(there.asked) - len(there.come)
    assert there.same_words == back.same_words
    assert sum(len(left) for left, _ in there.replaced) == len(there.gone) + len(there.moved)


def test_prompts_without_words_do_not_differ() -> None:
    """Nothing to compare is no fault."""
    assert compare([], [], DICTIONARY.__contains__).same_words
