"""The parts of a prompt add up to what the engine told, whoever counts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import Usage
from app.ledger.anatomy import MESSAGE, MOST_COUNTED, OPENING, anatomy_of, apportion
from app.ledger.record import Anatomy
from app.prompt.counting.counter import InputCounter
from app.prompt.counting.remembered import LONG, RememberedCount
from tests.unit.prompt.test_counting import ECHO, tier

DOCUMENTS = "<documents><doc>red green blue</doc><doc>Red  green blue</doc><doc>one two three four</doc></documents>"
MESSAGES = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "hello there"},
    {"role": "assistant", "content": "hi"},
    {"role": "user", "content": DOCUMENTS + " which colour is first"},
]
BODY: dict[str, Any] = {"model": "auto", "messages": MESSAGES, "tools": [{"type": "function"}]}


def words(text: str) -> int:
    return len(text.split())


def total(found: Anatomy) -> int:
    return found.system + found.history + found.documents + found.tools + found.user + found.frame


def test_a_tokenizer_counts_each_part_and_the_frame_is_the_rest() -> None:
    """Words as tokens: 2 of the system, 3 of history, 8 of documents, 2 of tools, 4 of the user."""
    found = anatomy_of(BODY, None, Usage(30, 0, 5), words)
    assert (found.system, found.history, found.documents, found.tools, found.user) == (2, 3, 8, 2, 4)
    assert found.frame == 30 - 19
    assert found.exact


def test_without_a_tokenizer_the_parts_share_what_is_left_of_the_frame() -> None:
    """By the estimate, in proportion; the sum is the engine's."""
    found = anatomy_of(BODY, None, Usage(60))
    assert found.frame == 4 * MESSAGE + OPENING
    assert total(found) == 60
    assert found.documents > found.user > found.system > 0
    assert not found.exact


def test_more_than_the_texts_can_be_is_the_frames() -> None:
    """A default system prompt is no text of the user's: the estimate leans upwards."""
    body = {"messages": [{"role": "user", "content": "Is Lima the capital of Peru?"}]}
    found = anatomy_of(body, None, Usage(37))
    assert found.user <= 10
    assert found.user + found.frame == 37


def test_a_template_that_leaves_something_out_is_no_exact_count() -> None:
    """A sum above what the engine told is shared out."""
    found = anatomy_of(BODY, None, Usage(10), words)
    assert total(found) == 10
    assert not found.exact


def test_a_huge_prompt_and_one_with_images_are_estimated() -> None:
    """The tokenizer is not asked."""

    def never(_text: str) -> int:
        raise AssertionError

    image = {"role": "user", "content": [{"type": "image_url", "image_url": {}}]}
    assert anatomy_of({"messages": [image]}, None, Usage(90), never).user == 90 - MESSAGE - OPENING
    assert anatomy_of({"prompt": "x" * (MOST_COUNTED + 1)}, None, Usage(90), never).user == 90


def test_duplicates_and_what_the_answer_never_used() -> None:
    """The second is the first again, the third is not used: each has a part of the documents' tokens."""
    found = anatomy_of(BODY, "The first is red, says [1].", Usage(30), words)
    assert found.documents_count == 3
    assert 1 <= found.documents_duplicate <= 3
    assert 2 <= found.documents_unused <= 5
    assert found.documents_duplicate + found.documents_unused < found.documents


def test_a_request_that_no_engine_read_has_signs_but_no_tokens() -> None:
    """A refused request is known by its hashes."""
    found = anatomy_of(BODY, None, Usage())
    assert total(found) == 0
    assert found.prefix
    assert found.repeat
    assert found.documents_count == 3


def test_hashes_tell_same_from_other() -> None:
    """The prefix is of system prompt and tools alone, the repeat of all texts, however they are written down."""
    other = {**BODY, "messages": [*MESSAGES[:-1], {"role": "user", "content": [{"type": "text", "text": "bye"}]}]}
    plain = {**BODY, "messages": [*MESSAGES[:-1], {"role": "user", "content": "bye"}]}
    first, second, third = (anatomy_of(each, None, Usage(9)) for each in (BODY, other, plain))
    assert first.prefix == second.prefix
    assert first.repeat != second.repeat == third.repeat
    assert anatomy_of({"messages": MESSAGES}, None, Usage(9)).prefix != first.prefix
    assert anatomy_of({"messages": MESSAGES[1:]}, None, Usage(9)).prefix == ""


def test_brevity_is_of_free_text_with_one_answer() -> None:
    """Tools, a schema or several choices decide the form themselves."""
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "Is it so? Answer yes or no."}]}
    assert anatomy_of(body, None, Usage(9)).brief_tokens
    others: list[dict[str, Any]] = [{"tools": [{}]}, {"response_format": {"type": "json_object"}}, {"n": 2}]
    for more in others:
        assert anatomy_of({**body, **more}, None, Usage(9)).brief_tokens is None


@pytest.mark.parametrize("body", [{"input": "x y"}, {"prompt": [1, 2]}, {"messages": []}, {"messages": "x"}, {}])
def test_whatever_the_body_the_sum_is_the_engines(body: dict[str, Any]) -> None:
    """Embeddings, token ids, nothing."""
    assert total(anatomy_of(body, None, Usage(7), words)) == 7
    assert total(anatomy_of(body, None, Usage(7))) == 7


def test_a_lone_surrogate_is_a_text_too() -> None:
    """JSON may carry half a character."""
    body = {"messages": [{"role": "user", "content": "\ud800" * LONG}]}
    assert total(anatomy_of(body, "\ud800", Usage(9), RememberedCount(words))) == 9


@given(st.lists(st.floats(0, 1e9), min_size=1).filter(sum), st.integers(0, 10**7))
def test_apportioning_loses_and_invents_nothing(weights: list[float], amount: int) -> None:
    """Each share is its part rounded down or up."""
    found = apportion(weights, amount)
    assert sum(found) == amount
    assert all(each >= 0 for each in found)
    assert all(abs(each - amount * weight / sum(weights)) <= 1.001 for each, weight in zip(found, weights, strict=True))


def test_long_texts_are_counted_once() -> None:
    """And forgotten when as many others came."""
    asked: list[str] = []
    count = RememberedCount(lambda text: asked.append(text) or len(text), most=2)  # type: ignore[func-returns-value]
    one, two, three = ("a" * LONG, "b" * LONG, "c" * LONG)
    assert [count(each) for each in (one, two, one, three, one, "short", "short")]
    assert asked == [one, two, three, one, "short", "short"]


def test_a_tier_counts_texts_as_its_engine_does() -> None:
    """The echo counts words; an upstream is unknown."""
    counter = InputCounter.open([tier("small", ECHO)], str)
    count = counter.texts("small")
    assert count
    assert count("a b  c") == 3
    assert counter.texts("large") is None
