"""Prompts that differ in what an embedding does not see are never neighbours."""

import pytest

from app.prompt.guard import neighbourhood

DIFFERENT = [
    ("transfer 500 dollars", "transfer 5000 dollars"),
    ("should I take aspirin?", "should I not take aspirin?"),
    ("can I take it?", "can't I take it?"),
    ("how is Messi better than Ronaldo?", "how is Ronaldo better than Messi?"),
    ("tell us the US law", "tell us the us law"),
    ("la peche", "la pêche"),
    ("what does 😀 mean", "what does 😡 mean"),
    ("is x+++y valid", "is x + ++y valid"),
    ("status of 550e8400-0000", "status of 550e8400-0001"),
    ("meet at 10:00", "meet at 22:00"),
]


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_what_decides_the_answer_sets_them_apart(a: str, b: str) -> None:
    """Numbers, names and their order, case, negation, foreign characters, symbols."""
    assert neighbourhood("c", a) != neighbourhood("c", b)
    assert neighbourhood("c", a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("what is the capital of France?", "what's the capital of France"),
        ("how do I bake bread?", "how can I bake bread at home?"),
        ("please reset my password!", "could you reset my password?"),
    ],
)
def test_paraphrases_stay_neighbours(a: str, b: str) -> None:
    """Plain words, punctuation and "I" may differ: the embedding judges those."""
    assert neighbourhood("c", a) == neighbourhood("c", b) != ""


@pytest.mark.parametrize("text", ["", "1 2\n3 4", "what does `b()` do", "for x in y:", "word " * 60])
def test_what_cannot_be_judged_has_no_neighbours(text: str) -> None:
    """Nothing, several lines, code, and texts that the embedder may cut."""
    assert neighbourhood("c", text) == ""


def test_contexts_are_apart() -> None:
    """The context key is part of the name."""
    assert neighbourhood("a", "hello there") != neighbourhood("b", "hello there")
