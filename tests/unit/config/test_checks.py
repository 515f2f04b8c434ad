"""A routing policy must fit the tiers; whatever does not is named before it serves."""

import logging
from decimal import Decimal
from typing import Any

import pytest

from app.config.checks import check_routing, warn_of_misfits, warn_of_thresholds
from app.config.policy import Policy
from app.errors import ConfigError
from tests.fakes_backends import spec

TIERS = ("small", "medium", "large")


def policy(**routing: Any) -> Policy:
    return Policy.model_validate({"routing": routing})


@pytest.mark.parametrize("tiers", [TIERS, ("small", "large"), ("tiny", "huge"), ("one",)])
def test_the_default_policy_fits_any_tiers(tiers: tuple[str, ...]) -> None:
    """Its thresholds are of tiers that may not be there, written out or not."""
    check_routing(Policy(), tiers)
    check_routing(policy(thresholds={"small": 0.3, "medium": 0.7}), tiers)


@pytest.mark.parametrize(
    ("routing", "place"),
    [
        ({"thresholds": {"smal": 0.3}}, "routing.thresholds: no tier is called 'smal'"),
        ({"thresholds": {"medium": 0.6, "xl": 0.7}}, "routing.thresholds: no tier is called 'xl'"),
        ({"min_tier": "tiny"}, "routing.min_tier: no tier is called 'tiny'; there are small, medium, large"),
        ({"max_tier": "tiny"}, "routing.max_tier: no tier is called 'tiny'"),
        ({"calibration": {"tiny": {"slope": 1.2}}}, "routing.calibration: no tier is called 'tiny'"),
        ({"min_tier": "large", "max_tier": "small"}, "routing.min_tier: large is above max_tier, small"),
        ({"policy": "cost"}, "routing.mean_usd_per_million: the policy `cost` needs it"),
        ({"thresholds": {"small": 0.9, "medium": 0.2}}, "routing.thresholds: must rise"),
    ],
)
def test_what_does_not_fit_is_named(routing: dict[str, Any], place: str) -> None:
    """The place, the name, and what there is."""
    with pytest.raises(ConfigError, match=f"^{place}"):
        check_routing(policy(**routing), TIERS)


def test_a_features_policy_is_checked_as_the_feature_sees_it() -> None:
    """Its own floor against the general ceiling."""
    document = {"routing": {"max_tier": "medium"}, "features": {"faq": {"routing": {"min_tier": "large"}}}}
    with pytest.raises(ConfigError, match=r"^features\.faq\.routing\.min_tier: large is above max_tier, medium"):
        check_routing(Policy.model_validate(document), TIERS)


def test_a_feature_may_take_its_mean_from_the_general_policy() -> None:
    """Only the merged policy tells whether `cost` has a mean: one part alone need not."""
    own = {"features": {"faq": {"routing": {"policy": "cost"}}}}
    both = Policy.model_validate({"routing": {"mean_usd_per_million": "2"}, **own})
    check_routing(both, TIERS)
    assert both.for_feature("faq").routing.mean_usd_per_million == Decimal(2)
    with pytest.raises(ConfigError, match=r"^features\.faq\.routing\.mean_usd_per_million: the policy `cost` needs it"):
        check_routing(Policy.model_validate(own), TIERS)


def warnings_of(log: pytest.LogCaptureFixture, document: dict[str, Any], *tiers: str) -> list[str]:
    log.clear()
    with log.at_level(logging.WARNING, "leanserve.config"):
        warn_of_thresholds(Policy.model_validate(document), tiers)
    return [record.getMessage() for record in log.records]


def test_thresholds_of_other_tiers_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Once, with the thresholds and the tiers: without a word all would be paid at the best tier's price."""
    [told] = warnings_of(caplog, {"features": {"faq": {"cache": {"ttl_s": 5}}}}, "cheap", "mid", "best")
    assert told.startswith("routing.thresholds: {small: 0.3, medium: 0.7} do not fit the tiers cheap, mid, best: ")
    assert "no score leads to cheap, mid," in told
    [told] = warnings_of(caplog, {}, "small", "mid", "best")
    assert "no score leads to mid," in told
    one = {"routing": {"policy": "quality"}, "features": {"faq": {"routing": {"policy": "thresholds"}}}}
    [told] = warnings_of(caplog, one, "cheap", "best")
    assert told.startswith("features.faq.routing.thresholds: ")


@pytest.mark.parametrize(
    ("routing", "tiers"),
    [
        ({}, TIERS),
        ({}, ("small", "large")),
        ({}, ("one",)),
        ({"policy": "quality"}, ("cheap", "best")),
        ({"thresholds": {"cheap": 0.4}}, ("cheap", "best")),
        ({"thresholds": {"small": 0.4}}, TIERS),
    ],
)
def test_thresholds_that_fit_are_no_news(
    caplog: pytest.LogCaptureFixture, routing: dict[str, Any], tiers: tuple[str, ...]
) -> None:
    """Every tier but the best is led to, or is left out on purpose, or thresholds decide nothing."""
    assert warnings_of(caplog, {"routing": routing}, *tiers) == []


def test_a_hedge_that_no_tier_can_make_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """It would look as if it were there; one second backend is enough."""
    caplog.set_level(logging.WARNING)
    alone, two = spec("small"), spec("large")
    two = two.model_copy(update={"backends": two.backends * 2})
    hedged = Policy.model_validate({"attempts": {"hedge": {"after_s": 1}}})
    warn_of_misfits(hedged, [alone, two])
    warn_of_misfits(Policy(), [alone])
    assert "hedge" not in caplog.text
    warn_of_misfits(hedged, [alone])
    assert "no tier has a second backend" in caplog.text
