"""What the policy derives from itself."""

import pytest
from pydantic import ValidationError

from app.config.policy import BudgetRule, Policy
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
    rule = BudgetRule.model_validate({"scope": "tenant", "tokens": 5, "usd": "0.0000019"})
    assert rule.amounts() == [(Unit.TOKENS, 5), (Unit.MICRO_USD, 1)]
    assert BudgetRule.model_validate({"scope": "tenant", "usd": "0"}).amounts() == [(Unit.MICRO_USD, 0)]


@pytest.mark.parametrize(
    "rule", [{"scope": "tenant"}, {"scope": "planet", "tokens": 1}, {"scope": "user", "tokens": -1}]
)
def test_a_budget_that_limits_nothing_is_refused(rule: dict[str, object]) -> None:
    """No limit, an unknown scope, less than nothing."""
    with pytest.raises(ValidationError):
        BudgetRule.model_validate(rule)


def test_the_version_may_be_a_number() -> None:
    """YAML reads 7 and 1.10 as numbers."""
    assert Policy.model_validate({"version": 7}).version == "7"
