"""What is kept of a long text."""

import re

import pytest

from app.embed.window import ENDS, HEAD, TAIL, WHOLE, Offsets, cut_characters, cut_tokens


def words(text: str) -> Offsets:
    """A tokenizer for tests: words are tokens."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def never(text: str) -> Offsets:
    """A tokenizer that must not be called."""
    raise AssertionError("tokenized")


def test_a_text_of_whole_characters_is_not_even_tokenized() -> None:
    """Short prompts, the common case, cost nothing; no token is shorter than a character."""
    text = "a" * WHOLE
    assert cut_tokens(text, never) == text


@pytest.mark.parametrize(("count", "cut"), [(HEAD + TAIL, False), (HEAD + TAIL + 1, True)])
def test_a_text_is_cut_exactly_when_it_has_more_tokens_than_fit(count: int, cut: bool) -> None:
    """Nothing is lost that the model could have read."""
    text = " ".join(f"w{i}" for i in range(count))
    assert (cut_tokens(text, words) != text) is cut


def test_head_and_tail_are_kept() -> None:
    """The question may stand at the end of a long prompt as well as at its beginning."""
    kept = cut_tokens(" ".join(f"w{i}" for i in range(1000)), words).split()
    assert kept == [f"w{i}" for i in (*range(HEAD), *range(1000 - TAIL, 1000))]


def test_what_is_tokenized_is_bounded_for_any_size() -> None:
    """1 MB must not cost a second of tokenizing."""
    sizes: list[int] = []

    def measuring(text: str) -> Offsets:
        sizes.append(len(text))
        return words(text)

    cut_tokens("word " * 200_000, measuring)
    assert sizes == [2 * ENDS + 1]


def test_characters_at_the_limit_stay_whole() -> None:
    """The character cut touches only what is longer than both ends."""
    assert cut_characters("x" * 2 * ENDS) == "x" * 2 * ENDS
    assert cut_characters("a" + "x" * 2 * ENDS + "b") == "a" + "x" * (ENDS - 1) + "\n" + "x" * (ENDS - 1) + "b"
