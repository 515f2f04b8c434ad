"""A routing policy must fit the tiers; whatever does not is named before it serves."""

from typing import Any

import pytest

from app.config.checks import check_routing
from app.config.policy import Policy
from app.errors import ConfigError

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
