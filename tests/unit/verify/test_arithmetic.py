"""Arithmetic that is certain, in texts that do sums."""

import pytest

from app.verify.arithmetic import tells, worked_out
from app.verify.lexicon.tables import Lexicon
from app.verify.pair_model import open_tokenizer
from app.verify.verdicts import judge_words

STORY = (
    "Ann keeps a farm near the old mill and sells what grows there on the market of the town. "
    "She takes {} baskets of pears to the market and sells {} baskets before noon. How many does she carry home?"
)
SHORT = "Paul has {} marbles. Jo gives him {} marbles. How many marbles are there?"


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.of(open_tokenizer().get_vocab())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.9 times of ten", "19"),
        ("0.004 times of one million", "4000"),
        ("3/5 of one hundred", "60"),
        ("half of ten", "5"),
        ("half of 48", "0.5 of 48"),  # of 48 that there are: what is left is another sum
        ("2/5 of ten apples, and the rest", "0.4 of ten apples, and the rest"),
        ("half of them", "0.5 of them"),
        ("half the price", "0.5 of the price"),
        ("half an hour", "0.5 hour"),
        ("1/2 of them", "0.5 of them"),
        ("50% of them", "0.5 of them"),
        ("50 percent of them", "0.5 of them"),
        ("0.5 times of them", "0.5 of them"),
        ("one-third of them", "1/3 of them"),
        ("0.25 times as much", "0.25 as much"),
        ("$2,000.00 and $2.50", "$2,000 and $2.5"),
    ],
)
def test_the_value_is_exact(text: str, value: str) -> None:
    """Shares, products and prices."""
    assert worked_out(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "2/4 of them",  # may be days, may be a score
        "2/1 of ten",
        "1/3 of ten",  # does not end
        "50 of them",
        "50% more",
        "0.1 times higher",
        "3 hours",  # who asks in minutes wants minutes
        "What is 1.9 times of ten",  # that is the question
        "$2.05",
    ],
)
def test_what_is_not_certain_stays(text: str) -> None:
    """In doubt nothing is computed."""
    assert worked_out(text) == text


@pytest.mark.parametrize("story", [STORY, SHORT])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("28", "12"), ("2.8 times of ten", "12")),
        (("28", "12"), ("28", "a dozen")),
        (("60", "20"), ("3/5 of one hundred", "1/5 of one hundred")),
        (("1,200", "30"), ("1200", "thirty")),
    ],
)
def test_equal_values_in_the_same_places_pass(
    lexicon: Lexicon, story: str, one: tuple[str, str], other: tuple[str, str]
) -> None:
    """Both ways, and no model is asked."""
    a, b = story.format(*one), story.format(*other)
    assert judge_words(a, b, lexicon).same is True
    assert judge_words(b, a, lexicon).same is True


@pytest.mark.parametrize("story", [STORY, SHORT])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("28", "12"), ("2.8 times of one hundred", "12")),
        (("28", "12"), ("2.9 times of ten", "12")),
        (("28", "12"), ("1.2 times of ten", "2.8 times of ten")),  # exchanged
        (("24", "12"), ("2 dozen", "24")),
        (("28", "24"), ("28", "a dozen")),
        (("half of the", "12"), ("a quarter of the", "12")),
        (("1/2 of the", "12"), ("2/1 of the", "12")),
        (("50% of the", "12"), ("50 of the", "12")),
        (("50% of the", "12"), ("0.05 of the", "12")),
        (("$3.00", "12"), ("$3.50", "12")),
    ],
)
def test_another_value_is_never_let_through(
    lexicon: Lexicon, story: str, one: tuple[str, str], other: tuple[str, str]
) -> None:
    """However it is written. Where only the order differs a long text is the model's."""
    a, b = story.format(*one), story.format(*other)
    assert judge_words(a, b, lexicon).same is not True
    assert judge_words(b, a, lexicon).same is not True
    if "1.2" not in other[0] or story is SHORT:
        assert judge_words(a, b, lexicon).same is False


def test_a_number_said_twice_is_not_one_said_once(lexicon: Lexicon) -> None:
    """Three pears at $3: the price must not change because there are three pears."""
    a, b = STORY.format("3", "3"), STORY.format("3", "4")
    assert judge_words(a, b, lexicon).same is False


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I like sums. What is 1.9 times of ten?", "I like sums. What is 19?"),
        ("I like sums. Convert 1/2 of it to a decimal.", "I like sums. Convert 0.5 of it to a decimal."),
        ("How do I spell 40?", "How do I spell forty?"),
        ("What is 1/2 as a decimal?", "What is 0.5 as a decimal?"),
        ("How do I write 5000 in words?", "How do I write five thousand in words?"),
        ("What is a dozen?", "What is 12?"),
        ("How much is a double room?", "How much is a 2 room?"),
        ("What happened on 2/4?", "What happened on 1/2?"),
        ("What happened on 6/3?", "What happened on 4/2?"),
        ("How long are 3 hours?", "How long are 180 minutes?"),
        ("What is 50% worth?", "What is 50 worth?"),
    ],
)
def test_where_the_number_is_the_question_its_writing_counts(lexicon: Lexicon, one: str, other: str) -> None:
    """Both ways."""
    assert judge_words(one, other, lexicon).same is not True
    assert judge_words(other, one, lexicon).same is not True


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (STORY, True),
        ("How much is half of 3.5?", False),
        ("I have two sheets. Write half of them as a fraction.", False),
    ],
)
def test_a_story_tells_before_it_asks(text: str, told: bool) -> None:
    """And does not ask for notation."""
    assert tells(text) is told
