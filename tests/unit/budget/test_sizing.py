"""The numbers that a reservation holds and an attempt is clamped to."""

import pytest

from app.budget.sizing import choices, output_cap
from app.config.gateway import TierSpec
from tests.harness import tier

SPEC = TierSpec.model_validate(tier("small"))  # 4096 tokens of context, 64 of output by default


@pytest.mark.parametrize(
    ("payload", "input_tokens", "cap"),
    [
        ({}, 10, 64),
        ({}, 4090, 6),
        ({}, 9999, 1),
        ({"max_tokens": 7}, 10, 7),
        ({"max_completion_tokens": 9, "max_tokens": 7}, 10, 9),
        ({"max_tokens": 10**9}, 10, 4096),
        ({"max_tokens": None}, 10, 64),
    ],
)
def test_output_cap(payload: dict[str, object], input_tokens: int, cap: int) -> None:
    """What was asked, bounded by the context; else the tier's own maximum that still fits."""
    assert output_cap(payload, SPEC, input_tokens) == cap


@pytest.mark.parametrize(
    ("payload", "count"),
    [({}, 1), ({"n": 3}, 3), ({"n": 2, "best_of": 5}, 5), ({"prompt": ["a", "b"], "n": 2}, 4), ({"prompt": [1, 2]}, 1)],
)
def test_choices(payload: dict[str, object], count: int) -> None:
    """Every answer that the engine makes, shown or not; a list of token ids is one prompt."""
    assert choices(payload) == count
