"""What an epoch of training sees."""

import random
from collections import Counter

import numpy as np
import pytest

from app.verify.training.corpus import Corpus, Label, Pair, Part, Utterance
from app.verify.training.harmful import HARMFUL
from app.verify.training.harmless import HARMLESS
from app.verify.training.implied import closure, intent_pairs
from app.verify.training.mixture import REPEAT, Mixture, editor_for

TOPICS = ("Paris", "Rome", "Oslo", "Madrid", "Berlin")
THINGS = ("laptop", "battery", "coffee", "guitar", "window")
SAME = [
    Pair(f"How do I buy a {thing} in {topic}?", f"Where can I get a {thing} in {topic}?", 1, "qqp_pairs")
    for topic in TOPICS
    for thing in THINGS
]
OTHER = [
    Pair(f"Why is my {thing} old in {topic}?", f"How do I buy a {thing} in {topic}?", 0, "qqp_pairs")
    for topic in TOPICS
    for thing in THINGS
]
RARE = [
    Pair(
        "Tom has 3 cats. He buys 4 more cats. How many has he?", "Tom has 3 cats. How many?", 0, "gsmplus_pairs/added"
    ),
    Pair("The old laptop of Tom fell on the window in Rome.", "In Rome a laptop fell.", 0, "paws_x_en"),
    Pair("The coffee is cold.", "Cold is the coffee.", 1, "stsb"),
    Pair("A cache stores answers.", "Answers are stored in a cache.", 1, "gptcache_mock"),
    Pair("Is tea good?", "Is tea not good?", 0, "minedit_pairs/negate"),
    Pair("Is tea good?", "is tea good", 1, "minedit_pairs/case"),
]
VECTORS = {"card": (1.0, 0.0), "card again": (0.95, 0.3122), "cash": (0.75, 0.6614), "weather": (-1.0, 0.0)}
"""Unit vectors by the text before the colon; card · card again .95, card · cash .75, card again · cash .92."""


def encode(texts: list[str]) -> list[bytes]:
    return [np.array(VECTORS[text.split(":")[0]], dtype="<f4").tobytes() for text in texts]


def corpus() -> Corpus:
    utterances = [
        Utterance("card: lost?", "lost"),
        Utterance("card again: lost!", "lost"),
        Utterance("cash: gone", "cash"),
    ]
    nothing: dict[Part, list[Utterance]] = {"train": [], "calibrate": [], "validate": []}
    pairs: dict[Part, list[Pair]] = {"train": [*SAME, *OTHER, *RARE], "calibrate": [], "validate": []}
    return Corpus(pairs, {"banking77_train": {**nothing, "train": utterances}, "clinc150_train": nothing})


def mixture(*left_out: str) -> Mixture:
    return Mixture(corpus(), editor_for(corpus(), [], 0), encode, frozenset(left_out))


def unordered(pair: Pair) -> tuple[frozenset[str], Label]:
    return frozenset((pair.a, pair.b)), pair.label


@pytest.fixture(scope="module")
def epoch() -> list[Pair]:
    return mixture().epoch(0, 3000)


def test_labelled_pairs_keep_their_labels(epoch: list[Pair]) -> None:
    """In either order, each as often as its source is to be shown."""
    found = Counter(unordered(pair) for pair in epoch if pair.kind.split("/")[0] in REPEAT)
    assert found == Counter({unordered(pair): REPEAT[pair.kind.split("/")[0]] for pair in (*SAME, *OTHER, *RARE)})


def test_made_pairs_are_labelled_by_their_edit(epoch: list[Pair]) -> None:
    """And there are some of nearly every kind."""
    made = [pair for pair in epoch if pair.kind.startswith("made/")]
    assert {pair.label for pair in made if pair.kind.removeprefix("made/") in HARMFUL} == {0}
    assert {pair.label for pair in made if pair.kind.removeprefix("made/") in HARMLESS} == {1}
    assert len({pair.kind for pair in made}) > 20
    assert all(pair.a != pair.b for pair in made if pair.kind not in {"made/punctuation", "made/case"})


def test_an_epoch_is_its_number() -> None:
    """Edits are made anew in the next one."""
    one = mixture()
    assert one.epoch(1, 200) == mixture().epoch(1, 200) == one.epoch(1, 200)
    assert one.epoch(1, 200) != one.epoch(2, 200)


def test_either_prompt_may_be_the_stored_one(epoch: list[Pair]) -> None:
    """The model must not learn that the second is the edited one."""
    turned = sum(pair.b.startswith("Why is my") and pair.a.startswith("How do I buy") for pair in epoch)
    straight = sum(pair.a.startswith("Why is my") and pair.b.startswith("How do I buy") for pair in epoch)
    assert turned > 0
    assert straight > 0


def test_kinds_that_are_left_out_never_appear() -> None:
    """Neither as edits nor as minedit's pairs of that name."""
    left_out = ("negate", "case", "swap", "polite")
    kinds = {pair.kind.split("/")[-1] for pair in mixture(*left_out).epoch(0, 3000)}
    assert not kinds & set(left_out)
    assert {"entity", "typo"} <= kinds


def test_without_any_kind_nothing_is_made() -> None:
    """Leaving out all edits is an experiment, not a fault."""
    assert mixture(*HARMFUL, *HARMLESS).made(random.Random(0), 300) == []
    assert {pair.label for pair in mixture(*HARMFUL).made(random.Random(0), 300)} == {1}


def test_what_follows_from_pairs() -> None:
    """a ~ b and b ~ c give a ~ c; a ~ b and b ≁ c give a ≁ c."""
    pairs = [Pair("a", "b", 1, "qqp_pairs"), Pair("c", "b", 1, "qqp_pairs"), Pair("d", "b", 0, "qqp_pairs")]
    assert {unordered(pair) for pair in closure(pairs)} == {
        (frozenset("ac"), 1),
        (frozenset("ad"), 0),
        (frozenset("cd"), 0),
    }


def test_what_people_said_is_not_inferred_otherwise() -> None:
    """a ≁ c would follow, but somebody looked at the two."""
    pairs = [Pair("a", "b", 1, "qqp_pairs"), Pair("b", "c", 0, "qqp_pairs"), Pair("c", "a", 0, "qqp_pairs")]
    assert closure(pairs) == []


def test_nothing_follows_from_two_differences() -> None:
    """a ≁ b and b ≁ c say nothing of a and c."""
    assert closure([Pair("a", "b", 0, "qqp_pairs"), Pair("b", "c", 0, "qqp_pairs")]) == []


def test_the_closure_is_in_the_epoch(epoch: list[Pair]) -> None:
    """Here: why a thing is old is not where one gets it."""
    found = [pair for pair in epoch if pair.kind == "closure"]
    assert len(found) == len(SAME)
    assert {pair.label for pair in found} == {0}


def test_near_utterances_of_one_intent_want_one_answer() -> None:
    """And near ones of two intents do not; far ones are too easy."""
    utterances = [Utterance(f"{text}: said", intent) for text, intent in zip(VECTORS, "aabb", strict=True)]
    found = {unordered(pair) for pair in intent_pairs(utterances, encode, "banking77_train")}
    assert found == {
        (frozenset(("card: said", "card again: said")), 1),
        (frozenset(("card: said", "cash: said")), 0),
        (frozenset(("card again: said", "cash: said")), 0),
    }


def test_an_intent_with_arguments_makes_no_equals() -> None:
    """clinc150: to Paris and to Rome are one intent."""
    utterances = [Utterance(f"{text}: said", intent) for text, intent in zip(VECTORS, "aabb", strict=True)]
    assert {pair.label for pair in intent_pairs(utterances, encode, "clinc150_train")} == {0}


def test_no_utterances_are_no_fault() -> None:
    """A part may have none."""
    assert intent_pairs([], encode, "banking77_train") == []


def test_the_editor_learns_its_words_from_the_training_part() -> None:
    """Names have capitals inside a sentence; what is seen three times or less is neither."""
    editor = editor_for(corpus(), [], 0)
    assert set(TOPICS) <= set(editor.names)
    assert set(THINGS) <= set(editor.nouns)
    assert "Tom" not in editor.names
    assert "where" not in editor.nouns
