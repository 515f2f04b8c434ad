"""Which texts may be compared by meaning."""

import pytest

from app.embed.window import WHOLE
from app.prompt.guard import VERIFIED_CHARS, comparable


@pytest.mark.parametrize("text", ["what is the capital of France?", "a", "¿qué es esto?", "x" * VERIFIED_CHARS])
def test_plain_texts_are_comparable(text: str) -> None:
    """One line of prose, up to the length that the verifier reads."""
    assert comparable(text)


@pytest.mark.parametrize(
    "text", ["", "1 2\n3 4", "what does `b()` do", "for x in y:", "x = 1", "x" * (VERIFIED_CHARS + 1)]
)
def test_what_cannot_be_judged_has_no_neighbours(text: str) -> None:
    """Nothing, several lines, code, and texts that nobody reads whole."""
    assert not comparable(text)


def test_a_cosine_alone_needs_the_whole_text() -> None:
    """Without a verifier a text must be one that the embedder never cuts."""
    assert comparable("x" * WHOLE, verified=False)
    assert not comparable("x" * (WHOLE + 1), verified=False)
