"""What the policy derives from itself."""

import pytest
from pydantic import ValidationError

from app.config.budgets import BudgetRule
from app.config.policy import Policy
from app.domain import Unit


def test_a_feature_has_its_own_parts_and_shares_the_rest() -> None:
    """What a feature does not name is the general policy's, in parts within parts too: a general `scope: user` is not
    lost because a feature has a `ttl_s` of its own."""
    general = {"threshold": 0.9, "ttl_s": 60, "scope": "user", "eligibility": {"tools": "no", "seed": "no"}}
    own = {"ttl_s": 5, "eligibility": {"tools": "semantic"}}
    policy = Policy.model_validate({"cache": general, "features": {"search": {"cache": own}}})
    search = policy.for_feature("search")
    assert (search.cache.threshold, search.cache.ttl_s, search.cache.scope) == (0.9, 5, "user")
    assert (search.cache.eligibility.tools, search.cache.eligibility.seed) == ("semantic", "no")
    assert search.routing == policy.routing
    assert policy.for_feature("other") is policy


def test_budgets_are_integers_rounded_down() -> None:
    """A limit is never more than what was written."""
    rule = BudgetRule.model_validate({"tokens": 5, "usd": "0.0000019"})
    assert rule.amounts() == [(Unit.TOKENS, 5), (Unit.MICRO_USD, 1)]
    assert BudgetRule.model_validate({"usd": "0"}).amounts() == [(Unit.MICRO_USD, 0)]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"user": "*"},
        {"planet": "*", "tokens": 1},
        {"scope": "tenant", "name": "x", "tokens": 1},
        {"user": "*", "tokens": -1},
        {"tokens": 1, "window": "total", "sliding": True},
        {"tokens": 1, "timezone": "Mars/Olympus"},
        {"tokens": 1, "on_limit": "shrug"},
        {"tokens": 1, "warn_at": [0]},
        {"tokens": 1, "warn_at": [101]},
    ],
)
def test_a_budget_that_limits_nothing_is_refused(rule: dict[str, object]) -> None:
    """No limit, an unknown scope (that of earlier versions too), less than nothing, a window that is none."""
    with pytest.raises(ValidationError):
        BudgetRule.model_validate(rule)


KEY = {"name": "app", "tenant": "acme", "sha256": "0" * 64}


def test_keys_are_told_apart_by_name_and_by_hash() -> None:
    """One name in two tenants is two keys; one text cannot be two."""
    other = {**KEY, "sha256": "1" * 64}
    assert len(Policy.model_validate({"keys": [KEY, {**other, "tenant": "rival"}]}).keys) == 2
    for keys in ([KEY, other], [KEY, {**KEY, "name": "two"}]):
        with pytest.raises(ValidationError):
            Policy.model_validate({"keys": keys})


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"tenant": "*"},
        {"tenant": ""},
        {"sha256": "secret"},
        {"sha256": "F" * 64},
        {"key": "secret"},
        {"expires": "2040-01-01T00:00:00"},
    ],
)
def test_a_key_of_the_policy_is_a_hash_of_one_tenant(change: dict[str, object]) -> None:
    """Never a text, never of all tenants, never until some time of some zone."""
    with pytest.raises(ValidationError):
        Policy.model_validate({"keys": [{**KEY, **change}]})


def test_the_version_may_be_a_number() -> None:
    """YAML reads 7 and 1.10 as numbers."""
    assert Policy.model_validate({"version": 7}).version == "7"
