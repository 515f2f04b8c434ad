"""The pair model as it serves."""

import pytest

from app.verify.pair_model import PairModel

PAIRS = [
    ("How do I learn chess?", "How can I learn to play chess?"),
    ("Is tea or coffee healthier for children?", "Is coffee or tea healthier for children?"),
    ("Why?", "What is the reason for that, and for all else that has happened in the town since the great flood?"),
]


@pytest.fixture(scope="module")
def model() -> PairModel:
    return PairModel.open()


def test_a_pair_is_judged_alike_in_any_company(model: PairModel) -> None:
    """What else is in the index, and how long, moves no verdict by a hair."""
    sides = [tuple(model.tokens(pair)) for pair in PAIRS]
    pairs = [(a, b) for a, b in sides]
    together = model.logits(pairs).tolist()
    assert together == [model.logits([pair]).tolist()[0] for pair in pairs]
    assert together == model.logits(pairs[::-1]).tolist()[::-1]


def test_no_pairs_are_no_fault(model: PairModel) -> None:
    """Nothing in, nothing out."""
    assert model.logits([]).shape == (0,)
