"""Prompts that the head cannot know, each by its reason."""

import base64
import random

import pytest

from app.route.doubt import LEAST_FAMILIAR, MAX_CHARACTERS, MAX_NON_ASCII, doubt, unlike_text
from app.route.features import Reading, glance


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty prompt"),
        (" \n\t", "empty prompt"),
        ("フランスの首都はどこですか", "not English"),
        ("Какая столица Франции?", "not English"),
        ("¿Cuál es la capital de Francia y por qué no es Lyon?", "not English"),
        ("Erkläre mir bitte, wie das funktioniert und warum es nicht geht", "not English"),
        ("word " * MAX_CHARACTERS, "longer than the training prompts"),
        (base64.b64encode(random.Random(1).randbytes(300)).decode(), "encoded data"),
        ("Translate 'El perro' to English, please, and say what the verb is", ""),
        ("How do I get to the Las Vegas Strip from the Del Mar hotel?", ""),
        ("What’s the café’s menu — is it “à la carte”?", ""),
        ("def f(x): return x + 1", ""),
    ],
)
def test_what_is_unlike_the_training_is_named(text: str, reason: str) -> None:
    """Typographic quotes, names, code and one foreign phrase are not another language."""
    assert doubt(text, 1.0) == reason


def test_what_is_far_from_every_region_is_unlike_it() -> None:
    """However English."""
    assert doubt("What is this?", LEAST_FAMILIAR - 0.01) == "unlike the training prompts"
    assert doubt("What is this?", LEAST_FAMILIAR) == ""


def test_the_share_of_other_scripts_counts_characters() -> None:
    """Three bytes of one character are one character."""
    assert glance("日本" + "a" * 8).non_ascii_share == pytest.approx(0.2)
    assert unlike_text("x", Reading(10, MAX_NON_ASCII, False)) == ""
