"""Cost against quality: what a router reaches at each cost, and the baselines that it has to beat.

Numpy only. Costs are in any unit, qualities 0–1; n prompts, t tiers. The baselines are those of Hu et al.,
"RouterBench: A Benchmark for Multi-LLM Routing System", arXiv:2403.12031: linear interpolation between two
operating points is itself one (send a share of the prompts here, the others there, by lot), the non-decreasing convex
hull of the tiers' own points is the best that can be done without looking at a prompt ("Zero router"), and the oracle
takes for each prompt the cheapest of its best answers.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.route.metrics import Array, Doubles, first_reach

Ints = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Operating points joined by straight lines, the cheapest first: mean `cost` (does not fall) and mean `quality`."""

    cost: Doubles
    quality: Doubles

    def at(self, costs: Array) -> Doubles:
        """The quality at mean costs; level beyond both ends: nobody has to spend what they may."""
        return np.asarray(np.interp(costs, self.cost, self.quality))

    def cost_of(self, quality: float) -> float:
        """The least cost at which this quality is reached, nan if it never is."""
        return first_reach(self.cost, self.quality, quality)


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Every decision of a router as the price of quality falls: all prompts begin at the cheapest tier, then one after
    another moves to a dearer one.

    `cost` and `quality` (n,) are those of the beginning; a move m takes `prompt[m]` by `added_cost[m]` and
    `added_quality[m]`; moves of one `level` happen together.
    """

    cost: Doubles
    quality: Doubles
    prompt: Ints
    level: Ints
    added_cost: Doubles
    added_quality: Doubles

    def curve(self, rows: Ints | None = None) -> Curve:
        """The curve over all prompts, or over a resample of them (row numbers, with repetition)."""
        n = len(self.cost)
        weights = np.ones(n) if rows is None else np.bincount(rows, minlength=n).astype(float)
        cost = self._sums(weights, self.cost, self.added_cost)
        # A dearer tier may have cost less on single prompts; the curve then stands still.
        return Curve(np.maximum.accumulate(cost), self._sums(weights, self.quality, self.added_quality))

    def _sums(self, weights: Doubles, start: Doubles, added: Doubles) -> Doubles:
        levels = int(self.level.max()) + 1 if len(self.level) else 0
        steps = np.bincount(self.level, weights=weights[self.prompt] * added, minlength=levels)
        return np.asarray(np.cumsum(np.append(weights @ start, steps)) / weights.sum())


def sweep(p: Array, prices: Array, quality: Array, cost: Array) -> Sweep:
    """The router that takes for each prompt the tier of the largest P(good enough) − λ · price, for every λ.

    λ is the Lagrange multiplier of "best expected quality at a mean cost" (the policy `cost`): a prompt moves along the
    concave hull of its (price, P) points, the steepest gains first. `p` (n, t) decides together with `prices` (t,), the
    expected cost of each tier; `quality` and `cost` (n, t) are what then came.
    """
    tier = np.where(prices == prices.min(), p, -np.inf).argmax(axis=1)
    moves = Moves.none(tier)
    while len(prompts := np.flatnonzero(prices[moves.tier] < prices.max())):
        slopes = _slopes(p[prompts], prices, moves.tier[prompts])
        moves = moves.then(prompts, slopes.argmax(axis=1), slopes.max(axis=1))
    level = np.unique(-moves.slope, return_inverse=True)[1]
    start = np.arange(len(p))
    return Sweep(cost[start, tier], quality[start, tier], moves.prompt, level, moves.added(cost), moves.added(quality))


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Moves of prompts between tiers (m,), each with what it gains in P for a unit of price; `tier` (n,) at the end."""

    tier: Ints
    prompt: Ints
    before: Ints
    after: Ints
    slope: Doubles

    @classmethod
    def none(cls, tier: Ints) -> "Moves":
        """All prompts at the beginning."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(tier, empty, empty, empty, empty.astype(float))

    def added(self, table: Array) -> Doubles:
        """What each move adds of `table` (n, t)."""
        return np.asarray(table[self.prompt, self.after] - table[self.prompt, self.before])

    def then(self, prompts: Ints, to: Ints, slope: Doubles) -> "Moves":
        """One more move of each of `prompts`."""
        tier = self.tier.copy()
        tier[prompts] = to
        return Moves(
            tier,
            np.append(self.prompt, prompts),
            np.append(self.before, self.tier[prompts]),
            np.append(self.after, to),
            np.append(self.slope, slope),
        )


def _slopes(p: Array, prices: Array, tier: Ints) -> Doubles:
    """What each dearer tier gains in P for a unit of price; -inf for the others."""
    gain = p - np.take_along_axis(p, tier[:, None], axis=1)
    rise = prices - prices[tier][:, None]
    return np.where(rise > 0, gain / np.where(rise > 0, rise, 1.0), -np.inf)


def random_mix(cost: Array, quality: Array) -> Curve:
    """Between always-cheapest and always-best by lot: RouteLLM's random router. Shapes (t,), the best tier last."""
    ends = np.argsort(cost[[0, -1]], kind="stable")
    return Curve(cost[[0, -1]][ends].astype(float), quality[[0, -1]][ends].astype(float))


def static_mix(cost: Array, quality: Array) -> Curve:
    """The best mix of tiers by lot at each cost: the upper concave envelope of the tiers' mean (cost, quality), (t,).

    It ends at the tier of the best quality: to spend more buys nothing there.
    """
    hull = [int(np.lexsort((-quality, cost))[0])]
    while len(better := np.flatnonzero(quality > quality[hull[-1]])):
        slopes = (quality[better] - quality[hull[-1]]) / (cost[better] - cost[hull[-1]])
        hull.append(int(better[slopes.argmax()]))
    return Curve(cost[hull].astype(float), quality[hull].astype(float))


def oracle(quality: Array, cost: Array) -> tuple[float, float]:
    """Mean cost and quality when each prompt goes to the cheapest of the tiers that answer it best. Shapes (n, t)."""
    best = quality.max(axis=1)
    cheapest = np.where(quality == best[:, None], cost, np.inf).min(axis=1)
    return float(cheapest.mean()), float(best.mean())
