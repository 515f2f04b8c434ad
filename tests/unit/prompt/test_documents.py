"""Documents are found by the convention, and by nothing else."""

import time

import pytest

from app.prompt.documents import split_documents

TAGGED = (
    'Use these.\n<documents><document id="a">one</document><document id="b">two</document></documents>\nWhat is it?'
)


def test_tags_are_taken_out_with_what_they_hold() -> None:
    """The rest is the question; what is held is paid for as documents, the tags too."""
    rest, held, documents = split_documents(TAGGED)
    assert rest == "Use these.\n\nWhat is it?"
    assert rest.replace("\n\n", f"\n{held}\n") == TAGGED
    assert [(each.text, each.names) for each in documents] == [("one", ("a",)), ("two", ("b",))]


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("<context>all of it</context>", ["all of it"]),
        ("<context>\n[1] first\n[2] second\n</context>", ["[1] first", "[2] second"]),
        ("<context>first\n---\nsecond</context>", ["first", "second"]),
        ("Context:\nDocument 1: a\nDocument 2: b\nQuestion: c", ["Document 1: a", "Document 2: b"]),
        ("**Context:** a text\n\n**Question:** why?", ["** a text"]),
        ("<doc>a</doc> and <PASSAGE>b</PASSAGE>", ["a", "b"]),
        ("<documents><document>a</documents>", ["<document>a"]),
        ("<context><doc>a</doc>", ["a"]),
        ("In this context: it is hard. Question: why?", []),
        ("Context:\nno question follows", []),
        ("<div>a</div><documentation>b</documentation>", []),
        ("a < b and <document>", []),
    ],
)
def test_the_convention(text: str, documents: list[str]) -> None:
    """Tags that are closed, or a heading with its end; containers are cut where they say so."""
    assert [each.text for each in split_documents(text)[2]] == documents


def test_names_are_those_that_an_answer_could_cite() -> None:
    """Attributes of the tag, tags at the head, a number."""
    text = '<document index="3" title="Fees"><source>fees.pdf</source>text</document><doc>[7] more</doc>'
    assert [each.names for each in split_documents(text)[2]] == [("3", "Fees", "fees.pdf"), ("7",)]


@pytest.mark.parametrize("piece", ["<document>", "<context ", "</doc>", "<context></doc>", "Context:\n", "<" * 9])
def test_a_hostile_text_is_read_in_linear_time(piece: str) -> None:
    """A megabyte of tags that never close is no attack."""
    started = time.process_time()
    split_documents(piece * (1_000_000 // len(piece)))
    assert time.process_time() - started < 3
