"""Numbers in one notation."""

import pytest

from app.verify.figures import in_figures
from app.verify.words import words_of


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("five thousand", "5000"),
        ("1,200 thousand", "1200000"),
        ("five hundred thousand", "500000"),
        ("2.5 million", "2500000"),
        ("twenty-five", "25"),
        ("a dozen eggs", "12 eggs"),
        ("two dozen eggs", "24 eggs"),
        ("50 percent", "50%"),
        ("fifty per cent", "50%"),
        ("three-fourths of it", "3/4 of it"),
        ("a third of it", "1/3 of it"),
        ("two times", "twice"),
    ],
)
def test_the_same_number_is_written_in_one_way(text: str, figures: str) -> None:
    """Whatever stands for it."""
    assert in_figures(text) == figures


@pytest.mark.parametrize(
    "text",
    [
        "two hundred-dollar bills",  # not two hundred
        "two dozen-egg cartons",
        "What is a dozen?",  # a word, whose meaning is asked
        "five hundred twenty",  # a sum that is not read
        "the third of May",
        "she has 3 quarters",  # coins
        "1/2/2024",
        "12 times",
    ],
)
def test_what_may_be_something_else_stays(text: str) -> None:
    """In doubt nothing is rewritten."""
    assert in_figures(text) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2 dozen", "12"),
        ("2 dozen eggs", "12 eggs"),
        ("on 1/2", "on 2/4"),  # days
        ("1/2 of it", "2/1 of it"),
        ("half of it", "quarter of it"),
        ("50% of it", "50 of it"),
        ("what is a quarter", "what is 1/4"),
        ("a double room", "a 2 room"),
        ("five million", "five thousand"),
    ],
)
def test_other_values_are_other_numbers(one: str, other: str) -> None:
    """Nor is a number that may be a thing a figure."""
    assert [word.base for word in words_of(one)] != [word.base for word in words_of(other)]
