"""λ: the best expected quality under a mean price."""

from decimal import Decimal

import numpy as np
import pytest

from app.config.routing import RoutingPolicy
from app.route.chances import by_tier
from app.route.multiplier import KEPT, Multipliers, solve, with_better
from tests.unit.route.made import terms

ALL = terms().tiers
PRICES = np.array([1.0, 3.0, 10.0])
REFERENCE = np.sort(np.random.default_rng(0).uniform(0.02, 0.98, (500, 3)), axis=1)


def policy(usd: str, **options: float) -> RoutingPolicy:
    return RoutingPolicy(policy="cost", mean_usd_per_million=Decimal(usd), **options)  # type: ignore[arg-type]


def outcome(usd: str, **options: float) -> tuple[float, float]:
    """Mean price and mean P on the reference."""
    p = by_tier(REFERENCE, ALL, {})
    chosen = with_better(p, ALL, PRICES, solve(p, ALL, policy(usd, **options)), options.get("margin", 0.0))
    return float(PRICES[chosen].mean()), float(p[np.arange(len(p)), chosen].mean())


@pytest.mark.parametrize("usd", ["2", "3", "5", "8"])
def test_the_mean_price_is_kept_and_used(usd: str) -> None:
    """At most what was said, and within one prompt of it: less would give quality away."""
    price, _ = outcome(usd)
    assert float(usd) - 2 * 9 / len(REFERENCE) <= price <= float(usd)


def test_more_money_buys_more_quality_than_a_random_mix_does() -> None:
    """At the same price, better than tiers drawn blindly: concave, and above the chord."""
    found = [outcome(usd) for usd in ("1.5", "3", "5", "8")]
    assert [quality for _, quality in found] == sorted(quality for _, quality in found)
    means = by_tier(REFERENCE, ALL, {}).mean(axis=0)
    for price, quality in found:
        assert quality > np.interp(price, PRICES, means) + 0.02


def test_money_enough_takes_the_best_of_each() -> None:
    """λ is zero where the price does not bind."""
    assert solve(by_tier(REFERENCE, ALL, {}), ALL, policy("10")) == 0.0


def test_too_little_money_takes_the_cheapest() -> None:
    """No sure prompt is worth more than nothing."""
    price, _ = outcome("0")
    flat = price - 1.0  # what is flat goes to the next better tier all the same
    assert flat < 0.2


def test_a_margin_is_paid_from_the_same_purse() -> None:
    """What is not sure takes the better tier, and the mean price holds with it."""
    price, _ = outcome("5", margin=0.05)
    assert price <= 5


def test_it_is_solved_once_for_a_policy_and_its_prices() -> None:
    """Never for a request; another price or another mean is another λ."""

    multipliers = Multipliers(REFERENCE)
    first = multipliers.of(ALL, policy("3"))
    assert multipliers.of(ALL, policy("3")) == first
    assert len(multipliers._known) == 1
    assert multipliers.of(ALL, policy("5")) < first
    assert len(multipliers._known) == 2


def test_what_is_in_use_is_not_forgotten() -> None:
    """Of more than are kept the one that was used last stays, however early it came."""
    multipliers = Multipliers(REFERENCE[:20])
    for number in range(KEPT + 5):
        multipliers.of(ALL, policy("3"))
        multipliers.of(ALL, policy(f"4.{number:02}"))
    kept = [str(key) for key in multipliers._known]
    assert len(kept) == KEPT
    assert policy("3").model_dump_json() in kept[-2]
