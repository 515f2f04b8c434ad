"""How training is paced; the training itself is run by hand."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.verify.pairing import pair_input
from app.verify.training.fit import BATCH_TOKENS, LEAST, STEP, WARM, batches, learning_rate


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 500), max_size=60), st.integers(0, 5))
def test_every_pair_is_in_one_batch(lengths: list[int], seed: int) -> None:
    """Whose lengths, rounded up, are one length, and whose tokens fit."""
    rows = [pair_input([7] * length, []) for length in lengths]
    found = list(batches(rows, random.Random(seed)))
    assert sorted(i for batch in found for i in batch) == list(range(len(rows)))
    for batch in found:
        (rounded,) = {-(-len(rows[i].ids) // STEP) * STEP for i in batch}
        assert len(batch) == 1 or rounded * len(batch) <= BATCH_TOKENS


def test_the_rate_rises_and_falls() -> None:
    """From nothing to nearly the rate and down to a rest of it."""
    rates = [learning_rate(i / 1000, 1.0) for i in range(1001)]
    highest = rates.index(max(rates))
    assert rates[0] == 0
    assert highest / 1000 == pytest.approx(WARM)
    assert max(rates) == pytest.approx(1.0)
    assert rates[: highest - 1] == sorted(rates[: highest - 1])
    assert rates[highest:] == sorted(rates[highest:], reverse=True)
    assert rates[-1] == LEAST
