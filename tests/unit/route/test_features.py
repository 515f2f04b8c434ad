"""What is read off a prompt's text."""

import re
import time

import numpy as np
import pytest

from app.route.features import NAMES, OPTIONS, WINDOW, read


def feature(text: str, name: str) -> float:
    return float(read(text)[NAMES.index(name)])


@pytest.mark.parametrize(
    ("name", "more", "less"),
    [
        ("log_chars", "a long prompt of words", "short"),
        ("log_lines", "a\nb\nc", "a b c"),
        ("digit_share", "1234 5678", "one two"),
        ("upper_share", "SHOUTING", "quiet"),
        ("symbol_share", "x = y + z * 2", "x is y and z"),
        ("bracket_share", "f(x[0])", "f of x"),
        ("non_ascii_share", "naïve café", "naive cafe"),
        ("blanks", "Kyle likes _ more", "Kyle likes it more"),
        ("question_marks", "why?", "why"),
        ("log_code", "def f():\n    return 1", "a definition of f"),
        ("log_latex", "Find $\\frac{1}{2}$", "Find one half"),
        ("log_options", "Which?\nA. one\nB. two\nC. three", "Which? one, two, three"),
        ("log_words", "one two three four", "onetwothreefour"),
        ("log_numbers", "3 apples, 4.5 pears", "some apples and pears"),
        ("word_length", "thermodynamics equilibrium", "the cat sat on it"),
        ("distinct_words", "all words differ here", "same same same same"),
        ("asking", "What is it", "It is so"),
        ("log_reasoning", "prove the theorem", "greet the visitor"),
        ("log_building", "implement the algorithm", "greet the visitor"),
        ("log_conditions", "if each must", "greet the visitor"),
        ("log_everyday", "hello, please translate", "the visitor"),
        ("log_negations", "never not", "always so"),
    ],
)
def test_each_feature_rises_with_what_it_counts(name: str, more: str, less: str) -> None:
    """A feature that reads something else than its name says is caught here."""
    assert feature(more, name) > feature(less, name)


@pytest.mark.parametrize(
    "text",
    [
        "Which one?\nA. one\nB. two\nC. three\nD. four",
        "Which one?\n\n  (A) one\n\n  (B) two\n\n\n\t(C) three\n",
        "Which one?\r\nA) one\r\nB) two\r\n\r\nC) three",
        "B. first of all\n \n  C. and then",
        "none, B. in a line",
    ],
)
def test_options_are_counted_as_the_head_learned_them(text: str) -> None:
    """The packaged head was trained with any white space before an option: ordinary prompts count the same."""
    trained = re.findall(r"(?:^|\n)\s*\(?[B-D][.)]\s", text)
    assert len(OPTIONS.findall(text)) == len(trained)


def test_empty_lines_are_read_at_once() -> None:
    """Time grows with their number, not with its square: this many would take ten times as long."""
    took = []
    for _ in range(5):
        started = time.perf_counter()
        read("\n" * 2 * WINDOW)
        took.append(time.perf_counter() - started)
    assert min(took) < 0.003


def test_every_feature_is_tested_above() -> None:
    """A new feature comes with its line."""
    [mark] = [m for m in test_each_feature_rises_with_what_it_counts.pytestmark if m.name == "parametrize"]  # type: ignore[attr-defined]
    assert {case[0] for case in mark.args[1]} == set(NAMES)


@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800", "日本語", "😀" * 5000, "a" * 1_000_000, "\n" * 100_000])
def test_any_text_has_finite_features(text: str) -> None:
    """Whatever JSON can carry."""
    vector = read(text)
    assert vector.shape == (len(NAMES),)
    assert np.isfinite(vector).all()


def test_a_huge_prompt_is_read_at_its_ends_only() -> None:
    """Everything but the length is the same when only the middle grows."""
    head, tail = "Prove it. " * (WINDOW // 10 + 1), "def f(): 1 " * (WINDOW // 10 + 1)
    small, large = (read(head + "m" * size + tail) for size in (10_000, 1_000_000))
    assert np.array_equal(small[1:], large[1:])
    assert large[0] > small[0]
