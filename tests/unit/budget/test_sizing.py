"""The numbers that a reservation holds and an attempt is clamped to."""

from typing import Any

import pytest

from app.budget.sizing import asked_output_tokens, choices, maximum_fields, output_cap
from app.config.gateway import TierSpec
from app.domain import GatewayRequest, Operation
from tests.harness import tier

SPEC = TierSpec.model_validate(tier("small"))  # 4096 tokens of context, 64 of output by default


def asking(operation: Operation = "chat", **payload: Any) -> GatewayRequest:
    return GatewayRequest("r", operation, {"model": "small", **payload})


@pytest.mark.parametrize(
    ("payload", "input_tokens", "cap"),
    [
        ({}, 10, 64),
        ({}, 4090, 6),
        ({}, 9999, 1),
        ({"max_tokens": 7}, 10, 7),
        ({"max_completion_tokens": 9, "max_tokens": 7}, 10, 9),
        ({"max_tokens": 10**9}, 10, 4086),
        ({"max_tokens": None}, 10, 64),
    ],
)
def test_output_cap(payload: dict[str, Any], input_tokens: int, cap: int) -> None:
    """What was asked, bounded by the context; else the tier's own maximum that still fits."""
    assert output_cap(asking(**payload), SPEC, input_tokens) == cap


def test_a_text_completion_has_one_maximum() -> None:
    """No engine heeds `max_completion_tokens` there: it must not make a reservation small."""
    both = asking("text_completion", max_tokens=3000, max_completion_tokens=1)
    assert asked_output_tokens(both) == output_cap(both, SPEC, 10) == 3000
    assert maximum_fields(both) == ["max_tokens"]
    alone = asking("text_completion", max_completion_tokens=1)
    assert asked_output_tokens(alone) is None
    assert output_cap(alone, SPEC, 10) == 64


@pytest.mark.parametrize("odd", [True, False, 0, -5, 2.5, "7", [], {}, None])
def test_what_is_no_count_counts_as_not_said(odd: Any) -> None:
    """A reservation is never negative, nor a fault."""
    assert output_cap(asking(max_tokens=odd), SPEC, 10) == 64
    assert output_cap(asking(max_completion_tokens=odd, max_tokens=7), SPEC, 10) == 7
    assert output_cap(asking("text_completion", max_completion_tokens=odd), SPEC, 10) == 64


@pytest.mark.parametrize(
    ("payload", "count"),
    [({}, 1), ({"n": 3}, 3), ({"n": 2, "best_of": 5}, 5), ({"prompt": ["a", "b"], "n": 2}, 4), ({"prompt": [1, 2]}, 1)],
)
def test_choices(payload: dict[str, object], count: int) -> None:
    """Every answer that the engine makes, shown or not; a list of token ids is one prompt."""
    assert choices(payload) == count
