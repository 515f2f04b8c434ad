"""The price of a dollar: the Lagrange multiplier that the policy `cost` decides by.

The best expected quality under a mean price takes, for each prompt, the tier with the largest P − λ · price, with one λ
for all prompts (Lagrangian relaxation of the multiple-choice knapsack; exact up to one prompt of the reference).
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from app.config.routing import RoutingPolicy
from app.domain import TierTerms
from app.route.chances import Doubles, by_tier
from app.route.flat import is_flat

Indices = npt.NDArray[np.int64]

STEPS = 48
"""Halvings: λ to 14 digits."""

KEPT = 64
"""Multipliers remembered, those used last: one for each policy and feature in use, and those of before a reload."""


class Multipliers:
    """λ by policy and prices, solved on the `reference` chances, shape (n, 3), once and remembered."""

    def __init__(self, reference: Doubles) -> None:
        self._reference = reference
        self._known: OrderedDict[Hashable, float] = OrderedDict()

    def of(self, tiers: Sequence[TierTerms], policy: RoutingPolicy) -> float:
        """λ for all tiers of the configuration. 2 ms the first time, a look-up after that."""
        key = (*((tier.name, tier.capability, tier.price) for tier in tiers), policy.model_dump_json())
        if key not in self._known:
            p = by_tier(self._reference, tiers, policy.calibration)
            self._known[key] = solve(p, tiers, policy)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]


def solve(p: Doubles, tiers: Sequence[TierTerms], policy: RoutingPolicy) -> float:
    """The smallest λ at which the mean price over the rows of `p` (n, tiers) is at most what the policy allows.

    What is not sure is part of the mean. Where even the largest λ costs more, it is that one: every sure prompt takes
    the cheapest tier.
    """
    prices = np.array([float(tier.price) for tier in tiers])
    most = float(policy.mean_usd_per_million or 0)

    def mean(multiplier: float) -> float:
        return float(prices[with_better(p, tiers, prices, multiplier, policy.margin)].mean())

    low, high = 0.0, steepest(prices)
    if mean(low) <= most:
        return low
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if mean(middle) <= most else (middle, high)
    return high


def steepest(prices: Doubles) -> float:
    """A λ at which no difference of P, at most 1, outweighs any difference of prices."""
    gaps = np.diff(np.unique(prices))
    return float(2 / gaps.min()) if len(gaps) else 0.0


def with_better(p: Doubles, tiers: Sequence[TierTerms], prices: Doubles, multiplier: float, margin: float) -> Indices:
    """The tier of each row, the next better one where it is not sure."""
    best = best_value(p, prices, multiplier)
    unsure = is_flat(p, tiers) | is_close(p, prices, multiplier, margin, best)
    return np.asarray(np.minimum(best + unsure, len(prices) - 1))


def best_value(p: Doubles, prices: Doubles, multiplier: float) -> Indices:
    """The index of the largest P − λ · price of each row; of equals the first, which is the cheaper one."""
    return np.asarray(np.argmax(p - multiplier * prices, axis=1))


def is_close(p: Doubles, prices: Doubles, multiplier: float, margin: float, best: Indices) -> npt.NDArray[np.bool_]:
    """Whether the next better tier is worth less than `margin` less than the best one."""
    value = p - multiplier * prices
    rows = np.arange(len(p))
    better = np.minimum(best + 1, len(prices) - 1)
    return np.asarray((better != best) & (value[rows, best] - value[rows, better] < margin))
