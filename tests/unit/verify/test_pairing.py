"""Two prompts as the model reads them: where each token stands in the other."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from app.verify.pairing import ABSENT, ALIGNED, CLS, MOVED, SEP, SPECIAL, matches, pair_input

TOKENS = st.lists(st.integers(1000, 1012), max_size=25)


def test_tokens_in_order_are_aligned_and_the_rest_is_absent() -> None:
    """What one has and the other lacks stands out."""
    assert matches([1, 2, 3], [1, 9, 3]) == ([ALIGNED, ABSENT, ALIGNED], [ALIGNED, ABSENT, ALIGNED])


def test_tokens_elsewhere_have_moved() -> None:
    """Only as often as the other side has them."""
    assert matches([5, 1, 2, 3], [1, 2, 3, 5]) == ([MOVED, *[ALIGNED] * 3], [*[ALIGNED] * 3, MOVED])
    assert matches([5, 5, 1, 2, 3], [1, 2, 3, 5])[0] == [MOVED, ABSENT, *[ALIGNED] * 3]


def test_the_sides_mirror_one_another() -> None:
    """Who was stored and who asks changes the places, not the marks."""
    a, b = [5, 1, 2, 3, 7], [1, 2, 8, 3, 5]
    assert matches(b, a) == matches(a, b)[::-1]


@settings(deadline=None, max_examples=50)
@given(TOKENS, TOKENS)
def test_marks_are_symmetric(a: list[int], b: list[int]) -> None:
    """One mark a token; aligned tokens are one sequence on both sides; what is not absent is what both have."""
    first, second = matches(a, b)
    assert (len(first), len(second)) == (len(a), len(b))
    sides = list(zip(a, first, strict=True)), list(zip(b, second, strict=True))
    aligned = [[token for token, mark in side if mark == ALIGNED] for side in sides]
    moved = [Counter(token for token, mark in side if mark == MOVED) for side in sides]
    shared = [Counter(token for token, mark in side if mark != ABSENT) for side in sides]
    assert aligned[0] == aligned[1]
    assert moved[0] == moved[1]
    assert shared[0] == shared[1] == Counter(a) & Counter(b)
    back = matches(b, a)
    assert [side.count(ALIGNED) for side in back] == [side.count(ALIGNED) for side in (second, first)]


@settings(deadline=None, max_examples=50)
@given(TOKENS)
def test_a_prompt_is_aligned_with_itself(a: list[int]) -> None:
    """Nothing differs."""
    assert matches(a, a) == ([ALIGNED] * len(a), [ALIGNED] * len(a))


@settings(deadline=None, max_examples=50)
@given(TOKENS, TOKENS)
def test_a_row_has_one_length(a: list[int], b: list[int]) -> None:
    """Both prompts with three marks; the second segment begins behind the first [SEP]."""
    row = pair_input(a, b)
    assert len(row.ids) == len(row.segments) == len(row.matches) == len(a) + len(b) + 3
    assert row.ids == [CLS, *a, SEP, *b, SEP]
    assert row.segments.count(0) == len(a) + 2
    assert [i for i, mark in enumerate(row.matches) if mark == SPECIAL] == [0, len(a) + 1, len(row.ids) - 1]


def test_empty_prompts_are_only_marks() -> None:
    """Nothing to compare is no fault."""
    row = pair_input([], [])
    assert (row.ids, row.segments, row.matches) == ([CLS, SEP, SEP], [0, 0, 1], [SPECIAL] * 3)
    assert pair_input([], [7]).matches == [SPECIAL, SPECIAL, ABSENT, SPECIAL]
