"""Tiers named on a command line."""

import pytest

from app.errors import InvalidRequest
from app.route.setting import named_tiers


@pytest.mark.parametrize(
    ("text", "capabilities"),
    [("small,medium,large", [0, 0.5, 1]), ("a,b=0.2,c", [0, 0.2, 1]), ("a", [1]), (" a , b=1 ", [0, 1])],
)
def test_tiers_are_named_with_or_without_a_capability(text: str, capabilities: list[float]) -> None:
    """Spread evenly where none is said; one alone is the best there is."""
    found = named_tiers(text)
    assert [tier.capability for tier in found] == capabilities
    assert [tier.name for tier in found] == [part.split("=")[0].strip() for part in text.split(",")]


@pytest.mark.parametrize("text", ["a,a", "a,,b", "", "a=x"])
def test_a_name_twice_or_none_is_refused(text: str) -> None:
    """Before any file is read."""
    with pytest.raises(InvalidRequest):
        named_tiers(text)
