"""What a client may ask for, and what it then gets."""

import pytest

from app.config.gateway import GatewayConfig
from app.errors import ModelNotFound
from app.tiers.catalog import TierCatalog
from tests.harness import tier

CATALOG = TierCatalog(
    GatewayConfig.model_validate(
        {"tiers": [{**tier("small"), "adapters": ["echo-small:faq"]}, tier("medium"), tier("large")]}
    ).tiers
)


def test_auto_decides_nothing() -> None:
    """That is the router's."""
    assert CATALOG.decide("auto") is None


def test_a_tier_may_be_stood_in_for_by_better_ones() -> None:
    """In the order of better."""
    decision = CATALOG.decide("small")
    assert decision is not None
    assert decision.tiers == ("small", "medium", "large")


@pytest.mark.parametrize("model", ["echo-medium", "echo-small:faq"])
def test_a_model_is_answered_by_nothing_else(model: str) -> None:
    """An id is a promise."""
    decision = CATALOG.decide(model)
    assert decision is not None
    assert decision.fallbacks == ()


def test_an_adapter_is_asked_for_by_its_own_name() -> None:
    """The engine gets the adapter's id; every other request of the tier the base model's."""
    spec = CATALOG.specs(["small"])[0]
    assert CATALOG.served_model(spec, "echo-small:faq") == "echo-small:faq"
    assert CATALOG.served_model(spec, "auto") == "echo-small"


def test_an_unknown_name_is_told_what_is_known() -> None:
    """With 404's code."""
    with pytest.raises(ModelNotFound, match="auto, small"):
        CATALOG.decide("gpt-17")
