"""What a request needs of a tier, read off bodies that nobody has to have written well."""

from typing import Any

import pytest

from app.route.needs import needs_of


@pytest.mark.parametrize("odd", [[], {}, [{}], 3, None, True])
def test_odd_values_ask_for_nothing(odd: Any) -> None:
    """What cannot be hashed is no fault: it is the engine's to refuse."""
    assert needs_of({"messages": [{"role": odd, "content": "hi"}]}) == []
    assert needs_of({"messages": [{"role": "user", "content": [{"type": odd}]}]}) == []
    assert needs_of({"messages": [], "response_format": {"type": odd}}) == []


def test_an_odd_value_hides_nothing_behind_it() -> None:
    """The next part counts, and an engine's own type of format too."""
    parts = [{"type": []}, {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]
    body = {"messages": [{"role": [], "content": parts}, {"role": "function"}], "response_format": {"type": "own"}}
    assert needs_of(body) == ["tools", "structured_output", "images"]
