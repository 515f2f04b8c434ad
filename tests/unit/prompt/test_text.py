import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.config.policy import NormalizerPolicy
from app.prompt.text import canonical_text

SENTENCE = NormalizerPolicy()
FOLD = NormalizerPolicy(case="fold")
KEEP = NormalizerPolicy(case="keep")

MARKS = list("aAbE1 .,;:!?'\"`~<>[](){}=#\n\t\r|-_@/“”’éİ\u0301\u200b\ufeff\u00ad\u1fef\u037e\u00a0\u3000\u200d")
BITS = ["  ", "    ", "```", "~~~", "\n\n\n", "e\u0301", "What", "Polish", "http://", "def "]
STAMPS = ["Request-Id: abc123", "request_id=abc123", "[2024-05-01 12:00:00]", "Timestamp: 2024-05-01 12:00:00"]
TRICKY = st.lists(st.sampled_from(MARKS + BITS + STAMPS), max_size=25).map("".join)
WORDS = st.lists(
    st.sampled_from(["how", "many", "cats", "did", "Anna", "see", "in", "3", "days,", "why?"]), min_size=1, max_size=12
)
BLANKS = st.text(" \t\u00a0\u3000", min_size=1, max_size=4)


@settings(max_examples=800, deadline=None)
@given(TRICKY | st.text(max_size=40), st.sampled_from([SENTENCE, FOLD, KEEP]))
@example("a\u200b'b  c'", SENTENCE)
@example("`\u1fef a  `", SENTENCE)
def test_canonical_text_is_its_own_canonical_text(text: str, policy: NormalizerPolicy) -> None:
    """Canonicalization changes nothing a second time."""
    once = canonical_text(text, policy)
    assert canonical_text(once, policy) == once


@given(WORDS, st.data())
def test_white_space_of_prose_does_not_count(words: list[str], data: st.DataObject) -> None:
    """Prose that differs only in white space between words and at its ends has one canonical text."""
    spaced = "".join(data.draw(BLANKS) + word for word in words) + data.draw(BLANKS)
    assert canonical_text(spaced, SENTENCE) == canonical_text(" ".join(words), SENTENCE)


@given(st.text("ab =\t'\"é’\u200b#:\n", max_size=60).filter(lambda code: "```" not in code))
def test_fenced_code_is_kept_byte_for_byte(code: str) -> None:
    """Nothing between fences changes, under the policy that changes most."""
    block = f"```py\n{code}\n```"
    assert block in canonical_text(f"Fix   this:\n{block}\nNow,  please.", FOLD)


@pytest.mark.parametrize(
    "text",
    [
        "`a  b`",
        'How many spaces are in "a   b"?',
        "say “Two  Words”",
        "run:\n    x  =  'A  b'\n    y",
        "if a:\n  b()\n  c",
        "name   age  city\nAnn    31   Rome\nBob         Paris",
        "a\t\tb\nc\td\te",
        "x² is not x2, ① not 1, ﬁ not fi",
        "👩\u200d👩\u200d👧 and می\u200cخواهم",
        "one line\nanother line\n\na stanza",
        "WHO is it",
        "Polish shoes",
        "iPhone or Pixel",
        "I am",
        "Will Smith's age",
        "May 5th",
    ],
)
def test_what_carries_meaning_stays(text: str) -> None:
    """Literals, code, tables, look-alike characters, joiners, line ends and meaningful capitals stay."""
    assert canonical_text(text, KEEP) == text
    assert canonical_text(text, SENTENCE).casefold() == text.casefold()
    assert canonical_text(text, SENTENCE)[:4] in (text[:4], text[:4].lower())


@pytest.mark.parametrize(
    "text", ["WHO is it", "Polish shoes", "iPhone or Pixel", "I am", "Will Smith's age", "May 5th"]
)
def test_a_first_capital_that_means_something_stays(text: str) -> None:
    """Only words that mean the same with a small letter lose the capital of a sentence's beginning."""
    assert canonical_text(text, SENTENCE) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is it?", "what is it?"),
        ("caf\u0065\u0301", "caf\u00e9"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\nb"),
        ("\ufeffhello wor\u00adld", "hello world"),
        ("I don’t go", "I don't go"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("a  \nb", "a\nb"),
    ],
)
def test_what_carries_no_meaning_goes(one: str, other: str) -> None:
    """Normal form, line ends, invisible characters, apostrophes, empty lines and a first capital make no difference."""
    assert canonical_text(one, SENTENCE) == canonical_text(other, SENTENCE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5 apples", "50 apples"),
        ("is it safe", "is it not safe"),
        ("A beats B", "B beats A"),
        ("getUser", "getuser"),
        ("polish it", "Polish it"),
        ("Is it?", "Is it."),
        ("1.5", "15"),
        ("-5 degrees", "5 degrees"),
        ("x²", "x2"),
        ("who said it", "WHO said it"),
        ("a b", "ab"),
    ],
)
@pytest.mark.parametrize("policy", [SENTENCE, KEEP])
def test_what_changes_the_answer_counts(one: str, other: str, policy: NormalizerPolicy) -> None:
    """Numbers, negations, order, identifiers, capitals and final marks keep two prompts apart."""
    assert canonical_text(one, policy) != canonical_text(other, policy)


def test_fold_folds_title_case_outside_literals() -> None:
    """`fold` takes words in title case and leaves codes, quotes, URLs, addresses and identifiers."""
    text = 'Is Paris In Europe? `Foo` "Bar Baz" https://A.io/Path,Foo Ann@Mail.Com getName User_Id WHO B12 Vitamin C'
    folded = 'is paris in europe? `Foo` "Bar Baz" https://A.io/Path,Foo Ann@Mail.Com getName User_Id WHO B12 vitamin C'
    assert canonical_text(text, FOLD) == folded
    assert canonical_text(text, KEEP) == text


def test_mixed_line_ends_in_code_stay() -> None:
    """A stray carriage return in code may be what the question is about."""
    assert "echo a\r\n" in canonical_text("Why?\n```\necho a\r\necho b\n```", SENTENCE)
