"""The policy of sessions."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from app.config.agents import LoopPolicy, SessionPolicy
from app.config.policy import Policy
from app.domain import LimitAction, Unit


def test_nobody_is_limited_by_default() -> None:
    """But by depth and loops, which no honest agent meets."""
    rules = Policy().sessions
    assert rules.amounts() == []
    assert not rules.limits_much
    assert (rules.max_depth, rules.loops, rules.on_stop) == (8, LoopPolicy(), "reject")


def test_limits_are_integers_for_the_ledger() -> None:
    """Dollars rounded down."""
    rules = SessionPolicy(max_steps=3, max_tokens=0, max_usd=Decimal("0.0000019"), on_stop="downgrade")
    assert rules.amounts() == [(Unit.REQUESTS, 3), (Unit.TOKENS, 0), (Unit.MICRO_USD, 1)]
    assert rules.action is LimitAction.DOWNGRADE


def test_a_feature_names_only_what_it_has_of_its_own() -> None:
    """Down to a single rule of the loops."""
    policy = Policy.model_validate(
        {"sessions": {"max_steps": 9}, "features": {"ci": {"sessions": {"loops": {"polls": 0}}}}}
    )
    own = policy.for_feature("ci").sessions
    assert (own.max_steps, own.loops.polls, own.loops.repeats) == (9, 0, 5)
    assert policy.for_feature("faq").sessions.loops.polls == 20


@pytest.mark.parametrize(
    "rules",
    [
        {"max_steps": -1},
        {"max_steps": 2**53},
        {"max_usd": "-0.1"},
        {"max_seconds": 0},
        {"max_depth": 33},
        {"max_depth": -1},
        {"loops": {"repeats": 1}},
        {"loops": {"cycles": -1}},
        {"loops": {"longest_cycle": 17}},
        {"on_stop": "throttle"},
        {"idle_s": 0},
        {"max_step": 3},
    ],
)
def test_what_makes_no_sense_is_refused(rules: dict[str, Any]) -> None:
    """Before anything runs by it."""
    with pytest.raises(ValidationError):
        Policy.model_validate({"sessions": rules})
