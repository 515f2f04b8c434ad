"""Steps that say what they are: where they go without the router, and what still binds them."""

from typing import Any

import pytest

from app.domain import MicroUsd
from app.route.constraints import Situation
from app.route.hints import hinted, loosened
from tests.unit.route.made import terms

STOPPED = "session: agent loop"


def test_a_routine_step_goes_to_the_cheapest_allowed_tier() -> None:
    """With the others behind it, should that fail."""
    decision = hinted(terms(), "routine", "")
    assert decision
    assert (decision.tier, decision.fallbacks, decision.reason) == ("small", ("medium", "large"), "routine step")
    assert (decision.score, decision.uncertain) == (None, False)


def test_a_critical_step_goes_to_the_best_allowed_tier() -> None:
    """And to no lesser one."""
    decision = hinted(terms(), "critical", "")
    assert decision
    assert (decision.tier, decision.fallbacks, decision.reason) == ("large", (), "critical step")


@pytest.mark.parametrize(
    ("kind", "allowed", "excluded", "tier", "reason"),
    [
        (
            "routine",
            ("medium", "large"),
            {"small": "context length"},
            "medium",
            "routine step; excluded: context length",
        ),
        ("routine", ("small", "medium"), {"large": "tools"}, "small", "routine step"),
        ("critical", ("small", "medium"), {"large": "tools"}, "medium", "critical step; excluded: tools"),
        ("critical", ("large",), {"small": "floor", "medium": "floor"}, "large", "critical step"),
    ],
)
def test_hard_constraints_come_first(kind: Any, allowed: Any, excluded: Any, tier: str, reason: str) -> None:
    """What keeps a better-suited tier out is said."""
    decision = hinted(terms(*allowed, excluded=excluded), kind, "")
    assert decision
    assert (decision.tier, decision.reason) == (tier, reason)


@pytest.mark.parametrize("kind", ["", "routine"])
def test_a_stopped_session_gets_the_cheapest_tier_alone(kind: Any) -> None:
    """Nothing to fall back on, nor to cascade to."""
    decision = hinted(terms("medium", "large", excluded={"small": "tools"}), kind, STOPPED)
    assert decision
    assert (decision.tier, decision.fallbacks, decision.reason) == ("medium", (), STOPPED)


def test_who_says_nothing_is_routed() -> None:
    """By the router."""
    assert hinted(terms(), "", "") is None


@pytest.mark.parametrize(
    ("kind", "downgrade", "counts"),
    [
        ("", "", Situation("large", MicroUsd(5))),
        ("routine", "", Situation("", MicroUsd(5))),
        ("", STOPPED, Situation("", MicroUsd(5))),
        ("critical", "", Situation("large", None)),
    ],
)
def test_what_of_the_situation_counts(kind: Any, downgrade: str, counts: Situation) -> None:
    """A cheap step may go below the session's tier; a critical one is no cheaper because money is short."""
    assert loosened(Situation("large", MicroUsd(5)), kind, downgrade) == counts
