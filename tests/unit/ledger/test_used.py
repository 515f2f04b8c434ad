"""A document counts as unused only where that can be told."""

from collections.abc import Sequence

import pytest

from app.ledger.used import unused_of
from app.prompt.documents import Document

FEES = Document("The transfer fee is 4.50 euros for every order that leaves the country.", ("1", "Fees 2026"))
HOLIDAY = Document("Employees get thirty days of holiday, to be taken before the end of March.", ("2", "Holiday rules"))
PARKING = Document("The parking garage closes at ten; badges open the northern gate all night.", ("3", "Parking"))
ALL = (FEES, HOLIDAY, PARKING)


@pytest.mark.parametrize(
    ("answer", "used"),
    [
        ("It costs something, see [1].", [1]),
        ("As the Holiday Rules say, ask first.", [2]),
        ("See documents 1 and the notes [2, 3].", [1, 2, 3]),
        ("You get thirty days of holiday, to be enjoyed.", [2]),
        ("The northern entrance can be opened with badges, whenever you like.", [3]),
        ("4.50", [1]),
        ("Holiday", [2]),
    ],
)
def test_signs_of_use(answer: str, used: Sequence[int]) -> None:
    """A number, a name, a quotation, own words, a number of the text, the most of what tells."""
    assert [place for place, idle in enumerate(unused_of(ALL, answer, "What is it?"), 1) if not idle] == used


@pytest.mark.parametrize(
    "answer",
    ["", "Yes.", "No, it is not so.", "Das wissen wir leider überhaupt nicht, bitte fragen Sie später nochmals nach."],
)
def test_what_cannot_be_told_is_not_unused(answer: str) -> None:
    """No answer, one that says nothing of its source, one of another language."""
    assert unused_of(ALL, answer, "What is it?") == [False] * 3


def test_an_answer_of_the_same_language_that_shares_nothing_used_none() -> None:
    """Plain English beside English documents, of something else altogether."""
    answer = "The moon is a satellite of the planet, and it was formed by some early collision of the two bodies."
    assert unused_of(ALL, answer, "What is the moon?") == [True] * 3


def test_words_of_the_question_are_no_sign() -> None:
    """An answer repeats the question whatever it read."""
    answer = "Your question about parking and badges has no answer in the manual that someone gave you, sorry."
    assert unused_of(ALL, answer, "What about parking badges?") == [True] * 3


def test_numbers_count_by_place_where_documents_have_none() -> None:
    """`[2]` is the second."""
    plain = [Document(each.text) for each in ALL]
    assert unused_of(plain, "So says [2].", "?") == [True, False, True]
