"""What the headers of a step may say."""

import pytest

from app.api.steps import step_of
from app.domain import StepHints
from app.errors import InvalidRequest


def test_what_is_said() -> None:
    """And what is not."""
    assert step_of("routine", "3", "top") == StepHints("routine", 3, "top")
    assert step_of("", "", "") == StepHints()
    assert step_of("critical", "0", "").kind == "critical"


@pytest.mark.parametrize("depth", ["-1", "33", "1.0", " 1", "1_0", "٣", "²", "1e1", "9" * 5_000, "x", "+1", "001"])
def test_a_depth_is_a_small_whole_number(depth: str) -> None:
    """In plain digits."""
    with pytest.raises(InvalidRequest, match="x-leanserve-depth must be a whole number from 0 to 32") as raised:
        step_of("", depth, "")
    assert raised.value.param == "x-leanserve-depth"


@pytest.mark.parametrize("kind", ["Routine", "cheap", "routine,critical", "0"])
def test_a_kind_is_one_of_two(kind: str) -> None:
    """A word that LeanServe does not know is no hint."""
    with pytest.raises(InvalidRequest, match="must be routine or critical"):
        step_of(kind, "", "")
