"""Only a question that tells how long its answer needs to be has a length."""

import pytest

from app.ledger.brief import SENTENCE, WORD, brief_tokens


@pytest.mark.parametrize(
    "question",
    [
        "Is 97 prime? Answer yes or no.",
        "Does the invoice mention VAT? (yes/no)",
        "Is this spam? Yes or no?",
        "True or false: the earth is flat. Answer with true or false",
        "In one word, what is the mood of this review? I loved it.",
        "What is 12 * 9? Reply with only the number.",
        "Which is the capital of Peru? Just the name please.",
    ],
)
def test_told_outright(question: str) -> None:
    """A word is enough."""
    assert brief_tokens(question) == WORD


@pytest.mark.parametrize(
    "question",
    ["Is Lima the capital of Peru?", "Can a dog eat grapes?", "How many legs does a spider have?", "What year was it?"],
)
def test_a_short_question_needs_a_sentence(question: str) -> None:
    """Yes, no or a number, and a reason."""
    assert brief_tokens(question) == SENTENCE


@pytest.mark.parametrize(
    "question",
    [
        "",
        "Why is the sky blue?",
        "Is it blue, and why?",
        "Answer yes or no and explain your choice.",
        "Can you write a poem?",
        "Could you check the following code?",
        "Is it red or blue?",
        "Is it red? Is it blue?",
        "How do I reset my password?",
        "Tell me about Peru.",
        "Ist das eine Primzahl?",
        "Answer yes or no for each of the following statements: a, b, c",
        "Is " + "very " * 40 + "long?",
    ],
)
def test_what_does_not_tell(question: str) -> None:
    """More is asked for, a choice, several questions, another language."""
    assert brief_tokens(question) is None


def test_the_system_prompt_may_tell() -> None:
    """Outright only, and not where it wants reasons too."""
    assert brief_tokens("The parcel is late!", "Classify. Respond with only the label.") == WORD
    assert brief_tokens("The parcel is late!", "Give only the label, then explain it.") is None
    assert brief_tokens("The parcel is late!", "Is it clear?") is None
