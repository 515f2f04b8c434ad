"""The decision: which tier for which judgement, under which policy and which terms."""

import math
from decimal import Decimal
from typing import Any

import pytest

from app.config.routing import RoutingPolicy, TierCalibration
from app.domain import Judgement, RouteDecision
from app.route.decide import decide
from tests.unit.route.made import terms

STEEP = (0.7, 0.85, 0.97)
POLICY = RoutingPolicy()


def at(score: float, *allowed: str, policy: RoutingPolicy = POLICY, **options: Any) -> RouteDecision:
    """The decision for a score whose chances are not flat."""
    return decide(terms(*allowed, **options), Judgement(score, STEEP), policy)


def quality(**options: Any) -> RoutingPolicy:
    return RoutingPolicy(policy="quality", **options)


@pytest.mark.parametrize(
    ("score", "tier"),
    [(0.0, "small"), (0.2999, "small"), (0.3, "medium"), (0.6999, "medium"), (0.7, "large"), (1.0, "large")],
)
def test_a_score_takes_the_first_tier_whose_threshold_is_above_it(score: float, tier: str) -> None:
    """Below 0.3 small, below 0.7 medium, else large; a threshold itself belongs to the better tier."""
    decision = at(score)
    assert (decision.tier, decision.score, decision.uncertain) == (tier, score, False)


def test_the_fallbacks_are_the_better_tiers_in_order() -> None:
    """Nobody falls back to a worse tier; the best has none to fall back to."""
    assert at(0.1).fallbacks == ("medium", "large")
    assert at(0.5).fallbacks == ("large",)
    assert at(0.9).fallbacks == ()


def test_an_excluded_tier_is_no_fallback() -> None:
    """A constraint holds for who stands in, too."""
    assert at(0.1, "small", "medium", excluded={"large": "ceiling"}).fallbacks == ("medium",)
    assert at(0.1, "small", "large", excluded={"medium": "images"}).tiers == ("small", "large")


def test_every_tier_has_its_probability() -> None:
    """Allowed or not: the explanation shows what was given up."""
    decision = at(0.1, "medium", "large", excluded={"small": "tools"})
    assert list(decision.p) == ["small", "medium", "large"]
    assert [round(p, 6) for p in decision.p.values()] == list(STEEP)


@pytest.mark.parametrize(
    ("allowed", "score", "tier", "reason"),
    [
        (("medium", "large"), 0.1, "medium", "below the threshold of small; excluded: tools"),
        (("large",), 0.1, "large", "below the threshold of small; excluded: tools"),
        (("small",), 0.9, "small", "above every threshold; excluded: tools"),
        (("small", "medium"), 0.9, "medium", "above every threshold; excluded: tools"),
        (("small", "large"), 0.5, "large", "below the threshold of medium; excluded: tools"),
        (("small",), 0.5, "small", "below the threshold of medium; excluded: tools"),
        (("small", "large"), 0.1, "small", "below the threshold of small"),
    ],
)
def test_constraints_beat_probabilities(allowed: tuple[str, ...], score: float, tier: str, reason: str) -> None:
    """The next better tier that may serve, the best allowed one where there is none, and the reason says which."""
    excluded = {name: "tools" for name in ("small", "medium", "large") if name not in allowed}
    decision = at(score, *allowed, excluded=excluded)
    assert (decision.tier, decision.reason) == (tier, reason)


@pytest.mark.parametrize("policy", [POLICY, quality(), RoutingPolicy(policy="cost", mean_usd_per_million=Decimal(1))])
def test_no_policy_overrules_a_constraint(policy: RoutingPolicy) -> None:
    """However sure the head is."""
    sure = Judgement(0.0, (0.99, 0.99, 0.99))
    lost = Judgement(1.0, (0.01, 0.5, 0.99))
    assert decide(terms("large"), sure, policy, 100.0).tier == "large"
    assert decide(terms("small"), lost, policy, 0.0).tier == "small"


def test_a_threshold_of_no_tier_is_served_by_the_next_better_one() -> None:
    """An operator sees why large answers what a tier that is not there could."""
    policy = RoutingPolicy(thresholds={"small": 0.3, "coder": 0.7})
    decision = at(0.5, policy=policy)
    assert (decision.tier, decision.reason) == ("large", "below the threshold of coder; no tier coder")


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
    decision = at(score, policy=RoutingPolicy(margin=0.05))
    assert (decision.tier, decision.reason, decision.uncertain) == (tier, reason, reason.startswith("not sure"))


def test_thresholds_come_from_the_policy_in_any_order() -> None:
    """Written large to small or small to large, the numbers decide."""
    policy = RoutingPolicy(thresholds={"medium": 0.9, "small": 0.6})
    assert [at(score, policy=policy).tier for score in (0.5, 0.7, 0.95)] == ["small", "medium", "large"]
    assert at(0.0, policy=RoutingPolicy(thresholds={})).tier == "large"


@pytest.mark.parametrize(
    ("least", "tier", "reason"),
    [
        (0.6, "small", "good enough"),
        (0.7001, "medium", "good enough"),
        (0.9, "large", "good enough"),
        (0.99, "large", "no tier is good enough"),
    ],
)
def test_quality_takes_the_cheapest_tier_above_the_floor(least: float, tier: str, reason: str) -> None:
    """P decides, not the score; where none is above it, the best."""
    decision = decide(terms(), Judgement(0.9, STEEP), quality(min_quality=least))
    assert (decision.tier, decision.reason, decision.uncertain) == (tier, reason, False)


def test_quality_within_the_margin_is_not_sure() -> None:
    """.70 is above .68, but not by .05."""
    decision = decide(terms(), Judgement(0.1, STEEP), quality(min_quality=0.68, margin=0.05))
    assert (decision.tier, decision.reason, decision.uncertain) == ("medium", "not sure: within the margin", True)


def test_a_calibration_moves_the_decision() -> None:
    """What this user's small tier really does counts, not what models of its capability do."""
    own = {"small": TierCalibration(intercept=-3)}
    judgement = Judgement(0.1, (0.9, 0.95, 0.99))
    assert decide(terms(), judgement, quality()).tier == "small"
    assert decide(terms(), judgement, quality(calibration=own)).tier == "medium"


@pytest.mark.parametrize(("multiplier", "tier"), [(0.0, "large"), (0.02, "medium"), (1.0, "small")])
def test_cost_weighs_p_against_the_price(multiplier: float, tier: str) -> None:
    """The largest P − λ · price; prices are 1, 3 and 10."""
    policy = RoutingPolicy(policy="cost", mean_usd_per_million=Decimal(3))
    decision = decide(terms(), Judgement(0.5, STEEP), policy, multiplier)
    assert (decision.tier, decision.reason) == (tier, "best value")


def test_cost_within_the_margin_takes_the_better_tier() -> None:
    """Nearly as good a buy, and surer."""
    policy = RoutingPolicy(policy="cost", mean_usd_per_million=Decimal(3), margin=0.02)
    decision = decide(terms(), Judgement(0.5, STEEP), policy, 0.08)  # .62, .61, .17
    assert (decision.tier, decision.uncertain) == ("medium", True)


@pytest.mark.parametrize("policy", [POLICY, quality(), RoutingPolicy(policy="cost", mean_usd_per_million=Decimal(1))])
def test_doubt_takes_the_best_allowed_tier_and_says_why(policy: RoutingPolicy) -> None:
    """However low the score, however high the chances."""
    doubted = Judgement(0.01, (0.99, 0.99, 0.99), doubt="not English")
    decision = decide(terms(), doubted, policy, 5.0)
    assert (decision.tier, decision.reason, decision.uncertain) == ("large", "not sure: not English", True)
    assert decision.fallbacks == ()
    held = decide(terms("small", "medium", excluded={"large": "ceiling"}), doubted, policy, 5.0)
    assert (held.tier, held.reason) == ("medium", "not sure: not English; excluded: ceiling")


@pytest.mark.parametrize("policy", [POLICY, RoutingPolicy(policy="cost", mean_usd_per_million=Decimal(1))])
def test_flat_probabilities_take_the_better_tier(policy: RoutingPolicy) -> None:
    """The head sees no difference, and not that the cheap one will do."""
    decision = decide(terms(), Judgement(0.1, (0.20, 0.21, 0.22)), policy, 1.0)
    assert (decision.tier, decision.reason, decision.uncertain) == ("medium", "not sure: flat probabilities", True)


def test_alike_and_not_low_is_not_flat() -> None:
    """All of them will do, or one as often as the other: the cheapest."""
    assert decide(terms(), Judgement(0.1, (0.40, 0.41, 0.42)), POLICY).tier == "small"
    assert decide(terms(), Judgement(0.1, (0.97, 0.98, 0.99)), POLICY).tier == "small"


def test_tiers_that_are_alike_owe_no_difference() -> None:
    """Two models of one capability have one probability; that is no doubt."""
    alike = terms(capabilities=(0.5, 0.5, 0.5))
    assert decide(alike, Judgement(0.1, (0.2, 0.4, 0.9)), POLICY).tier == "small"


@pytest.mark.parametrize("broken", [Judgement(math.nan, STEEP), Judgement(0.1, (math.nan, 0.5, 0.6))])
def test_numbers_that_are_none_take_the_best(broken: Judgement) -> None:
    """Broken weights may cost money, never quality."""
    decision = decide(terms(), broken, POLICY)
    assert (decision.tier, decision.reason, decision.uncertain) == ("large", "not sure: no score", True)
    assert all(map(math.isfinite, decision.p.values()))
