"""What a key's rights make of a request."""

import pytest

from app.access.key import ANY_TENANT, Key, Rights
from app.access.rights import feature_for, may_ask, pinned, tenant_for, tiers_of_request
from app.config.gateway import GatewayConfig
from app.errors import Forbidden, ModelNotFound
from app.tiers.catalog import TierCatalog
from tests.harness import tier

CATALOG = TierCatalog(
    GatewayConfig.model_validate({"tiers": [{**tier("small"), "adapters": ["echo-small:law"]}, tier("large")]}).tiers
)


def key_of(tenant: str) -> Key:
    return Key("k", tenant, "k", "0" * 64)


def test_a_tenant_is_the_keys_own() -> None:
    """Named or not; an operator's key names any, and without a name the default one."""
    assert tenant_for(key_of("acme"), "") == tenant_for(key_of("acme"), "acme") == "acme"
    assert tenant_for(key_of(ANY_TENANT), "") == "default"
    assert tenant_for(key_of(ANY_TENANT), "rival") == "rival"
    with pytest.raises(Forbidden):
        tenant_for(key_of("acme"), "rival")
    with pytest.raises(Forbidden):
        tenant_for(key_of("acme"), ANY_TENANT)


def test_a_single_feature_is_filled_in_and_others_are_refused() -> None:
    """Of several one must be named: none would step around the limits of each."""
    assert feature_for(Rights(), "") == ""
    assert feature_for(Rights(features=("faq",)), "") == "faq"
    assert feature_for(Rights(features=("faq", "chat")), "chat") == "chat"
    for rights, named in [
        (Rights(features=("faq",)), "chat"),
        (Rights(features=("faq", "chat")), ""),
        (Rights(features=()), ""),
        (Rights(features=()), "faq"),
    ]:
        with pytest.raises(Forbidden):
            feature_for(rights, named)


def test_what_a_key_is_pinned_to_may_not_be_contradicted() -> None:
    """Saying the same, or nothing, is fine."""
    assert pinned("user", "ann", "") == pinned("user", "ann", "ann") == "ann"
    assert pinned("user", "", "bob") == "bob"
    with pytest.raises(Forbidden):
        pinned("user", "ann", "bob")


@pytest.mark.parametrize(
    ("models", "model", "tiers"),
    [
        (None, "auto", None),
        (None, "small", None),
        (("small",), "auto", ("small",)),
        (("small",), "small", ("small",)),
        (("small",), "echo-small", ("small",)),
        (("small",), "echo-small:law", ("small",)),
        (("echo-large",), "auto", ("large",)),
        (("small", "large"), "small", ("small", "large")),
        (("small", "large"), "echo-large", ("large",)),
        (("echo-small:law", "large"), "echo-small:law", ("small",)),
        (("echo-small:law", "large"), "auto", ("large",)),
    ],
)
def test_the_tiers_that_may_serve(models: tuple[str, ...] | None, model: str, tiers: tuple[str, ...] | None) -> None:
    """A tier brings its models; an adapter alone brings nothing else; stand-ins are allowed tiers too."""
    assert tiers_of_request(Rights(models=models), model, CATALOG) == tiers


@pytest.mark.parametrize(
    ("models", "model"),
    [
        (("small",), "large"),
        (("small",), "echo-large"),
        (("echo-small:law",), "auto"),
        (("echo-small:law",), "small"),
        (("echo-small:law",), "echo-small"),
        ((), "auto"),
        (("minilm",), "auto"),
    ],
)
def test_what_a_key_may_not_name(models: tuple[str, ...], model: str) -> None:
    """`auto` too, where no tier is left for it."""
    assert not may_ask(Rights(models=models), model, CATALOG)
    with pytest.raises(Forbidden):
        tiers_of_request(Rights(models=models), model, CATALOG)


def test_a_model_that_is_not_there_is_not_found_whatever_the_rights() -> None:
    """404 before 403."""
    with pytest.raises(ModelNotFound):
        tiers_of_request(Rights(models=("small",)), "none-such", CATALOG)


def test_the_embedder_is_a_model_like_others() -> None:
    """Named in the rights or not at all."""
    assert may_ask(Rights(), "minilm", CATALOG)
    assert may_ask(Rights(models=("minilm",)), "minilm", CATALOG)
    assert not may_ask(Rights(models=("small", "large")), "minilm", CATALOG)
