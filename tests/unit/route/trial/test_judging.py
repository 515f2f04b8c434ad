"""Labelled prompts as the router treats them."""

import pytest

from app.config.policy import Policy
from app.errors import ConfigError, InvalidRequest
from tests.unit.route.trial.made import asked, judge


def test_decisions_are_those_of_the_live_router() -> None:
    """By the default thresholds; a doubt takes the best tier and is counted."""
    found = judge([asked("0.1", 1, 1, 1), asked("0.5", 0, 1, 1), asked("0.9", 0, 0, 1), asked("0.1 strange", 1, 1, 1)])
    assert [found.tiers[i] for i in found.chosen] == ["small", "medium", "large", "large"]
    assert found.uncertain.tolist() == [False, False, False, True]
    assert found.score.tolist() == [0.1, 0.5, 0.9, 0.1]
    assert found.p[1].tolist() == pytest.approx([0.5, 0.75, 0.95], abs=1e-3)
    assert found.quality[1].tolist() == [0, 1, 1]


def test_tiers_are_ordered_by_their_mean_costs() -> None:
    """Not by the first line's, which names and prices them otherwise."""
    found = judge([asked("0.1", 1, 1, costs=(3, 1)), asked("0.1", 0, 1, costs=(1, 9))])
    assert (found.tiers, found.cost.tolist(), found.priced) == (("small", "large"), [[3, 1], [1, 9]], True)
    assert judge([asked("0.1", 1, 0, costs=(3, 1))]).tiers == ("large", "small")


def test_without_costs_the_order_is_that_of_the_file_and_cost_is_the_share_of_strong_calls() -> None:
    """An order that is given goes first, and must name the same tiers."""
    found = judge([asked("0.1", 1, 0.5, 0)])
    assert (found.tiers, found.cost.tolist(), found.priced) == (("small", "medium", "large"), [[0, 0.5, 1]], False)
    assert judge([asked("0.1", 1, 0.5)], tiers="large,small").quality.tolist() == [[0.5, 1]]
    with pytest.raises(ConfigError, match="the file's tiers are small, large, not tiny, large"):
        judge([asked("0.1", 1, 0)], tiers="tiny,large")


def test_a_capability_that_is_given_is_believed() -> None:
    """A medium tier as good as the large one has its P."""
    found = judge([asked("0.5", 1, 1, 1)], tiers="small,medium=1,large")
    assert found.p[0].tolist() == pytest.approx([0.5, 0.95, 0.95], abs=1e-3)


def test_what_is_routed_by_is_the_canonical_text() -> None:
    """As in the gateway: white space around it is nothing, and a prompt of nothing else goes to the best tier."""
    found = judge([asked("  0.1\n", 1, 1)])
    assert (found.score.tolist(), found.chosen.tolist()) == ([0.1], [0])


def test_costs_of_nothing_at_all_are_none() -> None:
    """Else every share of them would be a division by zero."""
    assert not judge([asked("0.1", 1, 0, costs=(0, 0))]).priced


def test_the_policy_cost_wants_prices_of_the_tiers() -> None:
    """As the live policy has them: by million tokens."""
    routing = {"policy": "cost", "mean_usd_per_million": 1}
    prices = {"small": {"input": 1, "output": 1}, "large": {"input": 30, "output": 30}}
    policy = Policy.model_validate({"routing": routing, "prices": prices})
    assert judge([asked("0.1", 1, 1)], policy).chosen.tolist() == [0]
    with pytest.raises(ConfigError, match="prices: none for small"):
        judge([asked("0.3", 1, 1)], Policy.model_validate({"routing": routing}))


def test_the_policy_cost_wants_its_mean() -> None:
    """No mean is not a mean of nothing, with which every sure prompt would be judged on the cheapest tier."""
    prices = {"small": {"input": 1, "output": 1}, "large": {"input": 30, "output": 30}}
    with pytest.raises(ConfigError, match=r"routing\.mean_usd_per_million: the policy `cost` needs it"):
        judge([asked("0.3", 1, 1)], Policy.model_validate({"routing": {"policy": "cost"}, "prices": prices}))


def test_nothing_to_evaluate_is_told() -> None:
    """An empty file."""
    with pytest.raises(ConfigError, match="no prompts to evaluate"):
        judge([])


def test_a_score_that_is_no_number_counts_as_the_hardest() -> None:
    """And the best tier takes it."""
    found = judge([asked("nan", 1, 1)])
    assert (found.score.tolist(), found.p.tolist(), found.chosen.tolist()) == ([1], [[0, 0]], [1])


def test_a_policy_that_names_another_tier_is_refused() -> None:
    """A slip of the pen would give the curves of another policy."""
    policy = Policy.model_validate({"routing": {"min_tier": "xl"}})
    with pytest.raises(ConfigError, match="no tier is called 'xl'"):
        judge([asked("0.1", 1, 1)], policy=policy)


@pytest.mark.parametrize("said", ["nan", "-1", "2", "inf"])
def test_a_capability_is_from_0_to_1(said: str) -> None:
    """NaN is no capability."""
    with pytest.raises(InvalidRequest, match="from 0 to 1"):
        judge([asked("0.1", 1, 1)], tiers=f"small,large={said}")
