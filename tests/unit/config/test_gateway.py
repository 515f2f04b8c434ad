"""What identity derives from itself."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.config.gateway import GatewayConfig, TierSpec, capabilities

UPSTREAM = {"kind": "openai", "base_url": "https://x.example/v1", "model": "m"}


def tier(**changes: Any) -> dict[str, Any]:
    """A valid tier with changes."""
    return {
        "name": "small",
        "model": "m-small",
        "context_tokens": 100,
        "max_output_tokens": 10,
        "backends": [{"kind": "echo"}],
        **changes,
    }


def test_backends_of_a_kind_are_numbered_from_the_second_on() -> None:
    """Prices and breakers go by these names."""
    backends = [{"kind": "vllm"}, UPSTREAM, UPSTREAM, {"kind": "echo"}, UPSTREAM]
    names = TierSpec.model_validate(tier(backends=backends)).backend_names()
    assert names == ["small/vllm", "small/openai", "small/openai-2", "small/echo", "small/openai-3"]


def test_numbers_are_right_where_the_tier_has_a_dash() -> None:
    """A tier may be called `x-large`."""
    names = TierSpec.model_validate(tier(name="x-large", backends=[UPSTREAM, UPSTREAM])).backend_names()
    assert names == ["x-large/openai", "x-large/openai-2"]


@pytest.mark.parametrize(
    "changes",
    [{"name": "Small"}, {"name": "a/b"}, {"context_tokens": 0}, {"max_output_tokens": 0}, {"backends": []}],
)
def test_a_tier_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    """Names go into deployments, metrics and headers; numbers are positive."""
    with pytest.raises(ValidationError):
        TierSpec.model_validate(tier(**changes))


def test_an_adapter_may_not_share_a_name() -> None:
    """A client's `model` means one thing."""
    with pytest.raises(ValidationError, match="distinct"):
        GatewayConfig.model_validate({"tiers": [tier(model="m:a"), tier(name="large", model="b", adapters=["m:a"])]})


def test_an_adapter_is_named_behind_a_colon() -> None:
    """Ray Serve would find no adapter in a name without one."""
    with pytest.raises(ValidationError, match="<model>:<adapter>"):
        TierSpec.model_validate(tier(adapters=["support"]))


def test_a_tier_may_be_called_as_its_model() -> None:
    """It is one thing with one name."""
    assert GatewayConfig.model_validate({"tiers": [tier(name="small", model="small")]}).tiers[0].model == "small"


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        ([None], [1.0]),
        ([None, None], [0.0, 1.0]),
        ([None, None, None], [0.0, 0.5, 1.0]),
        ([0.2, None, 0.7], [0.2, 0.5, 0.7]),
        ([0.4, 0.4], [0.4, 0.4]),
    ],
)
def test_capability_is_declared_or_by_place(declared: list[float | None], found: list[float]) -> None:
    """Spread evenly from the cheapest to the best."""
    tiers = [tier(name=f"t{n}", model=f"m{n}", capability=each) for n, each in enumerate(declared)]
    assert capabilities(GatewayConfig.model_validate({"tiers": tiers}).tiers) == found


def test_a_better_tier_is_not_declared_weaker() -> None:
    """The order of the tiers is the order of better; by place the second of three is 0.5."""
    tiers = [tier(name=f"t{n}", model=f"m{n}", capability=each) for n, each in enumerate((0.8, None, 1.0))]
    with pytest.raises(ValidationError, match="must not fall"):
        GatewayConfig.model_validate({"tiers": tiers})


def test_an_ability_that_is_none_is_refused() -> None:
    """`vision` would never match a request."""
    assert TierSpec.model_validate(tier()).supports == ("tools", "structured_output")
    with pytest.raises(ValidationError, match="supports"):
        TierSpec.model_validate(tier(supports=["vision"]))


def test_identity_is_frozen() -> None:
    """Replicas share it."""
    config = GatewayConfig.model_validate({"tiers": [tier()]})
    with pytest.raises(ValidationError, match="frozen"):
        config.limits.max_body_bytes = 1
