"""The decision: which tier for which score, under which policy."""

import math

import pytest

from app.config.policy import RoutingPolicy
from app.domain import RouteDecision
from app.route.decide import MAX_CHARACTERS, MAX_NON_ASCII, decide
from app.route.features import Reading, glance

TIERS = ("small", "medium", "large")
PLAIN = glance("What is the capital of France?")
POLICY = RoutingPolicy()


@pytest.mark.parametrize(
    ("score", "tier"),
    [(0.0, "small"), (0.2999, "small"), (0.3, "medium"), (0.6999, "medium"), (0.7, "large"), (1.0, "large")],
)
def test_a_score_takes_the_first_tier_whose_threshold_is_above_it(score: float, tier: str) -> None:
    """Below 0.3 small, below 0.7 medium, else large; a threshold itself belongs to the better tier."""
    decision = decide(score, PLAIN, POLICY, TIERS)
    assert (decision.tier, decision.score) == (tier, score)


def test_the_fallbacks_are_the_better_tiers_in_order() -> None:
    """Nobody falls back to a worse tier; the best has none to fall back to."""
    assert decide(0.1, PLAIN, POLICY, TIERS).fallbacks == ("medium", "large")
    assert decide(0.5, PLAIN, POLICY, TIERS).fallbacks == ("large",)
    assert decide(0.9, PLAIN, POLICY, TIERS).fallbacks == ()


@pytest.mark.parametrize(
    ("tiers", "score", "tier"),
    [
        (("small", "large"), 0.5, "large"),
        (("small", "large"), 0.1, "small"),
        (("medium", "large"), 0.1, "medium"),
        (("small", "medium"), 0.9, "medium"),
        (("small",), 0.9, "small"),
        (("large",), 0.1, "large"),
        (("tiny", "huge"), 0.1, "huge"),
        (("small", "coder", "large"), 0.5, "large"),
    ],
)
def test_a_tier_that_is_not_configured_is_served_by_the_next_better_one(
    tiers: tuple[str, ...], score: float, tier: str
) -> None:
    """Never by a worse one, unless there is no better one at all."""
    assert decide(score, PLAIN, POLICY, tiers).tier == tier


def test_the_reason_names_the_missing_tier() -> None:
    """An operator sees why large answers what medium could."""
    assert decide(0.5, PLAIN, POLICY, ("small", "large")) == RouteDecision(
        "large", 0.5, "below the threshold of medium; no tier medium"
    )


@pytest.mark.parametrize(
    ("score", "tier", "reason"),
    [
        (0.24, "small", "below the threshold of small"),
        (0.25, "medium", "not sure: within the margin of small"),
        (0.299, "medium", "not sure: within the margin of small"),
        (0.3, "medium", "below the threshold of medium"),
        (0.66, "large", "not sure: within the margin of medium"),
        (0.71, "large", "above every threshold"),
    ],
)
def test_within_the_margin_below_a_threshold_the_better_tier_answers(score: float, tier: str, reason: str) -> None:
    """Not sure means better, and the reason says so."""
    decision = decide(score, PLAIN, RoutingPolicy(margin=0.05), TIERS)
    assert (decision.tier, decision.reason) == (tier, reason)


def test_thresholds_come_from_the_policy_in_any_order() -> None:
    """Written large to small or small to large, the numbers decide."""
    policy = RoutingPolicy(thresholds={"medium": 0.9, "small": 0.6})
    assert [decide(score, PLAIN, policy, TIERS).tier for score in (0.5, 0.7, 0.95)] == ["small", "medium", "large"]


def test_without_thresholds_the_best_tier_answers() -> None:
    """A policy that calls no tier good enough gets the best."""
    assert decide(0.0, PLAIN, RoutingPolicy(thresholds={}), TIERS).tier == "large"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not sure: empty prompt"),
        (" \n\t", "not sure: empty prompt"),
        ("フランスの首都はどこですか", "not sure: not English"),
        ("Какая столица Франции?", "not sure: not English"),
        ("¿Cuál es la capital de Francia y por qué no es Lyon?", "not sure: not English"),
        ("Erkläre mir bitte, wie das funktioniert und warum es nicht geht", "not sure: not English"),
        ("word " * MAX_CHARACTERS, "not sure: longer than the training prompts"),
    ],
)
def test_a_prompt_unlike_the_training_takes_the_best_tier(text: str, reason: str) -> None:
    """The head's score says nothing about it, however low it is."""
    decision = decide(0.01, glance(text), POLICY, TIERS)
    assert (decision.tier, decision.reason, decision.fallbacks) == ("large", reason, ())


@pytest.mark.parametrize(
    "text",
    [
        "Translate 'El perro' to English, please, and say what the verb is",
        "How do I get to the Las Vegas Strip from the Del Mar hotel?",
        "What’s the café’s menu — is it “à la carte”?",
        "def f(x): return x + 1",
        "x" * MAX_CHARACTERS,
    ],
)
def test_english_with_foreign_sprinkles_is_judged_by_its_score(text: str) -> None:
    """Typographic quotes, names, code and one foreign phrase are not another language."""
    assert decide(0.1, glance(text), POLICY, TIERS).tier == "small"


def test_the_share_of_other_scripts_counts_characters() -> None:
    """Three bytes of one character are one character."""
    assert glance("日本" + "a" * 8).non_ascii_share == pytest.approx(0.2)
    assert decide(0.1, Reading(10, MAX_NON_ASCII, False), POLICY, TIERS).tier == "small"


def test_a_score_that_is_no_number_takes_the_best() -> None:
    """Broken weights may cost money, never quality."""
    assert decide(math.nan, PLAIN, POLICY, TIERS).reason == "not sure: no score"
    assert decide(math.nan, PLAIN, POLICY, TIERS).tier == "large"
