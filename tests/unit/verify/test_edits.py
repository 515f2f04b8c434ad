"""Machine-made edits: each changes what its name says and nothing else, or leaves the question as it is."""

import random
import re
from collections import Counter
from collections.abc import Callable

import pytest
from rapidfuzz.distance import OSA

from app.verify.lexicon.words import SYNONYMS
from app.verify.training.editor import NUMBER, Editor, like
from app.verify.training.harmful import HARMFUL
from app.verify.training.harmless import HARMLESS
from app.verify.training.phrases import CLOSINGS, DISTRACTIONS, OPENINGS, OPERATIONS, OWNERS, UNKNOWNS
from app.verify.words import words_of

NAMES = ["Paris", "Rome", "Oslo", "Messi", "Ronaldo"]
NOUNS = ["laptop", "water", "battery", "coffee", "guitar", "drinks", "tea"]
EDITS = {**HARMFUL, **HARMLESS}
SEEDS = range(12)
PROBLEM = "Sara has 12 apples. She buys 30 more in the shop with Tom. How many apples has Sara?"
Check = Callable[[str, str], bool]


def edited(kind: str, text: str, seed: int) -> str | None:
    editor = Editor(random.Random(seed), NAMES, NOUNS, [("abaxial", "adaxial")])
    return EDITS[kind](editor, text)


def numbers(text: str) -> list[str]:
    return NUMBER.findall(text)


def frame(text: str) -> str:
    """Without its numbers."""
    return NUMBER.sub("#", text)


def exchanged(text: str, other: str) -> list[tuple[str, str]]:
    """The words that differ, place by place; every text of which words are exchanged keeps their number."""
    return [(a, b) for a, b in zip(text.split(), other.split(), strict=True) if a != b]


def one_word(*options: str) -> Check:
    """One word is another now, one of these."""
    return lambda text, other: len(found := exchanged(text, other)) == 1 and found[0][1].strip("?") in options


def one_number(text: str, other: str) -> bool:
    changed = [(a, b) for a, b in zip(numbers(text), numbers(other), strict=True) if float(a) != float(b)]
    return frame(text) == frame(other) and len(changed) == 1


def same_letters(text: str, other: str) -> bool:
    return re.sub(r"\W", "", text) == re.sub(r"\W", "", other)


def same_bases(text: str, other: str) -> bool:
    return [word.base for word in words_of(text)] == [word.base for word in words_of(other)]


def reordered(text: str, other: str) -> bool:
    """The same words in another order."""
    one, two = (re.findall(r"\w+", each) for each in (text, other))
    return Counter(word.lower() for word in one) == Counter(word.lower() for word in two) and one != two


def with_sentence(*templates: str) -> Check:
    """One sentence more, none other, and not behind the question."""
    patterns = [re.sub(r"\\\{[nkx]\\\}", r"\\w+", re.escape(template)) for template in templates]
    sentences = re.compile(r"(?<=[.!?])\s+")

    def check(text: str, other: str) -> bool:
        before, after = sentences.split(text), sentences.split(other)
        new = [i for i, sentence in enumerate(after) if any(re.fullmatch(p, sentence) for p in patterns)]
        kept = [sentence for i, sentence in enumerate(after) if i not in new]
        return len(new) == 1 and new[0] not in {0, len(after) - 1} and kept == before

    return check


def synonymous(text: str, other: str) -> bool:
    pairs = {frozenset(pair.split()) for pair in SYNONYMS.split(",")}
    return [frozenset(pair) in pairs for pair in exchanged(text, other)] == [True]


def misspelt(text: str, other: str) -> bool:
    found = exchanged(text, other)
    return 1 <= len(found) <= 2 and all(OSA.distance(a, b) == 1 for a, b in found)


CHANGES: list[tuple[str, str, Check]] = [
    ("number", "How do I lose 15 kg in 30 days?", one_number),
    ("number", "a week of three days", lambda t, o: [a for a, _ in exchanged(t, o)] == ["three"]),
    ("number_word", "a week of three days", lambda t, o: [a for a, _ in exchanged(t, o)] == ["three"]),
    ("numbers", PROBLEM, lambda text, other: frame(text) == frame(other)),
    ("unknown", PROBLEM, lambda t, o: len(numbers(o)) == 1 and any(f" {word} " in o for word in UNKNOWNS)),
    ("unit", "How far is 5 miles on foot", lambda t, o: exchanged(t, o)[0][0] in {"miles", "foot"}),
    ("antonym", "How can I gain weight?", one_word("lose")),
    ("antonym", "Is it abaxial", one_word("adaxial")),
    ("time", "Is it open on Monday?", one_word("Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")),
    ("people", "Where is my phone?", one_word("your", "his", "her", "our", "their")),
    ("owner", "Where is my phone?", lambda t, o: o in {f"Where is my {owner} phone?" for owner in OWNERS}),
    ("question", "When is tea ready?", one_word("What", "Who", "Where", "Why", "How")),
    ("quantity", "Do all birds fly", one_word("some", "any")),
    ("preposition", "Fly to Oslo", one_word("from")),
    ("modal", "It must be so", one_word("may", "should")),
    ("entity", "Fly to Oslo", one_word(*NAMES)),
    ("entities", "Is it cold in Oslo today?", lambda _, other: other == "Is it cold today?"),
    ("entities", "Is it cold?", lambda _, other: bool(re.fullmatch(r"Is it cold (in|for|from|on) [A-Z]\w+\?", other))),
    ("noun", "Is the laptop good", one_word(*NOUNS)),
    ("negate", "Why can cats swim?", lambda _, o: o in {"Why can cats not swim?", "Why can cats never swim?"}),
    ("negate", "Why do cats swim?", lambda _, o: bool(re.search(r"don't| not | never ", o))),
    ("swap", "Is Messi better than Ronaldo?", reordered),
    ("drop", "Is the battery of this laptop good?", lambda t, o: len(o.split()) == len(t.split()) - 1),
    ("operation", PROBLEM, with_sentence(*OPERATIONS)),
]
"""A kind, a text that it applies to, and what must be true of text and edit."""

KEEPS: list[tuple[str, str, Check]] = [
    ("case", "Is tea good for Tom?", lambda text, other: text.lower() == other.lower()),
    ("punctuation", 'Is "tea" good, or not?', same_letters),
    ("polite", "Is tea good?", lambda t, o: t.lower() in o.lower() and o.startswith((*OPENINGS, t))),
    ("polite", "Is tea good?", lambda t, o: o.lower().endswith((t.lower(), *(end.lower() for end in CLOSINGS)))),
    ("contraction", "Why can't I sleep?", same_bases),
    ("contraction", "What is it?", same_bases),
    ("how", "How do I learn Prolog?", lambda _, other: other.endswith(" learn Prolog?")),
    ("how", "What is the difference between tea and coffee?", lambda _, other: "tea and coffee" in other),
    ("typo", "What is the meaning of this word?", misspelt),
    ("synonym", "Where can I buy a car", synonymous),
    ("article", "Where is the car of a friend?", lambda _, other: other == "Where is car of a friend?"),
    ("digits", "I have three cats", lambda _, other: other == "I have 3 cats"),
    ("digits", "I have 7 cats", lambda _, other: other == "I have seven cats"),
    ("front", "Who won the election in 2016?", lambda _, other: other == "In 2016, who won the election?"),
    ("coordinate", "Is coffee or water better?", lambda _, other: other == "Is water or coffee better?"),
    ("inflect", "Is the laptop good", one_word("laptops")),
    ("inflect", "Are drinks good", one_word("drink")),
    ("distraction", PROBLEM, with_sentence(*DISTRACTIONS)),
]

WITHOUT: list[tuple[str, str]] = [
    ("number", "Is it so?"),
    ("numbers", "I have 3 cats"),
    ("unknown", "I have 3 cats"),
    ("number_word", "Is one enough?"),
    ("owner", "What is my own phone?"),
    ("entity", "Paris"),
    ("noun", "Is it so?"),
    ("negate", "Tell me more"),
    ("swap", "Is it?"),
    ("swap", "I like Messi, Ronaldo"),
    ("drop", "Is the laptop good?"),
    ("operation", "I have 3 cats. And 4 dogs."),
    ("contraction", "Tell me more"),
    ("how", "Tell me more"),
    ("typo", "Is it so?"),
    ("article", "Tell me more"),
    ("digits", "I paid $30.50 in 1999"),
    ("front", "In 2016?"),
    ("coordinate", "fly from coffee and water to tea"),
    ("coordinate", "Tom and water"),
    ("coordinate", "up and down"),
    ("inflect", "laptop"),
    ("distraction", "I have cats. And dogs. And how many birds?"),
    *((kind, "xyzzy") for kind in ("unit", "antonym", "time", "people", "question", "quantity", "synonym", "modal")),
]


@pytest.mark.parametrize(("kind", "text", "check"), CHANGES)
def test_a_harmful_edit_changes_what_its_name_says(kind: str, text: str, check: Check) -> None:
    """Whatever is drawn; a draw that comes to nothing makes no pair."""
    found = {other for seed in SEEDS if (other := edited(kind, text, seed)) is not None} - {text}
    assert found
    assert [other for other in found if not check(text, other)] == []


@pytest.mark.parametrize(("kind", "text", "check"), KEEPS)
def test_a_harmless_edit_keeps_the_question(kind: str, text: str, check: Check) -> None:
    """Whatever is drawn."""
    found = [other for seed in SEEDS if (other := edited(kind, text, seed)) is not None]
    assert found
    assert [other for other in found if not check(text, other)] == []


@pytest.mark.parametrize(("kind", "text"), WITHOUT)
def test_what_does_not_apply_makes_nothing(kind: str, text: str) -> None:
    """Rather than a pair with a wrong label."""
    assert {edited(kind, text, seed) for seed in SEEDS} == {None}


def test_a_negation_is_taken_away() -> None:
    """Where there is one; now and then nothing is made of it."""
    found = {edited("negate", "Why do cats not swim?", seed) for seed in SEEDS}
    assert found == {"Why do cats swim?", None}


def test_names_side_by_side_are_no_roles() -> None:
    """Rome and Oslo, Oslo and Rome: exchanged by no harmful edit."""
    assert edited("swap", "Tell me: Rome and Oslo", 0) is None


@pytest.mark.parametrize("kind", sorted(EDITS))
def test_a_seed_is_an_edit(kind: str) -> None:
    """So that an epoch can be made again."""
    texts = [text for each, text, _ in (*CHANGES, *KEEPS) if each == kind] or ["Is three a laptop in Oslo?"]
    assert [edited(kind, text, 3) for text in texts] == [edited(kind, text, 3) for text in texts]


def test_the_source_can_be_changed_without_touching_the_editor() -> None:
    """Epochs draw from sources of their own."""
    editor = Editor(random.Random(1), NAMES, NOUNS, [])
    state = editor.rng.getstate()
    assert HARMFUL["entity"](editor.drawing(random.Random(2)), "Fly to Oslo") is not None
    assert editor.rng.getstate() == state


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [("Buy", "sell", "Sell"), ("BUY", "sell", "SELL"), ("buy", "sell", "sell"), ("I", "he", "He")],
)
def test_a_word_takes_the_case_of_the_other(old: str, new: str, found: str) -> None:
    """So that case tells the model nothing."""
    assert like(old, new) == found
