"""Every number of a domain, as a function of which prompts are counted: what the bootstrap resamples."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import numpy as np

from app.route import metrics
from app.route.frontier import Curve, Ints, Sweep, static_mix, sweep
from app.route.metrics import Doubles
from app.route.resampling import Estimate, bootstrap
from app.route.trial.judging import Judged

GOOD = 0.95
"""Of always-best's quality: the cost at which it is had is told."""
PLACES = np.linspace(0.05, 0.95, 19)
"""Where between the cheapest and the dearest tier's cost the router is compared with the best static mix."""


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Judged prompts with the router's sweep over them, and what the policy's tiers gave and cost (n,)."""

    judged: Judged
    sweep: Sweep
    quality: Doubles
    cost: Doubles

    @classmethod
    def of(cls, judged: Judged) -> "Facts":
        """The sweep reads each tier's mean cost: what a prompt will cost there, nobody knows beforehand."""
        rows = np.arange(len(judged.score))
        return cls(
            judged,
            sweep(judged.p, judged.cost.mean(axis=0), judged.quality, judged.cost),
            judged.quality[rows, judged.chosen],
            judged.cost[rows, judged.chosen],
        )

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """All `numbers`, with intervals."""
        names = list(self.numbers(np.arange(len(self.quality))))
        found = bootstrap(len(self.quality), lambda rows: list(self.numbers(rows).values()), seed)
        return dict(zip(names, found, strict=True))

    def numbers(self, rows: Ints) -> dict[str, float]:
        """Of these prompts; `above_0` … are those of `PLACES`."""
        curve, mix = self.sweep.curve(rows), self.mix(rows)
        above = above_mix(curve, mix, self.judged.cost[rows].mean(axis=0))
        best = float(self.judged.quality[rows, -1].mean())
        whole = float(self.judged.cost[rows, -1].mean()) or nan
        return {
            **self.ranking(rows),
            "kept": metrics.kept(self.quality[rows], self.judged.quality[rows, -1]),
            "cost": metrics.kept(self.cost[rows], self.judged.cost[rows, -1]),
            "good_router": curve.cost_of(GOOD * best) / whole,
            "good_mix": mix.cost_of(GOOD * best) / whole,
            "point": float(self.quality[rows].mean() - mix.at(self.cost[rows].mean())),
            "mean": float(above.mean()),
            **{f"above_{i}": float(value) for i, value in enumerate(above)},
        }

    def ranking(self, rows: Ints) -> Mapping[str, float]:
        """RouteLLM's numbers of the score, between the first and the last tier."""
        scores = self.judged.score[rows]
        gains = self.judged.quality[rows, -1] - self.judged.quality[rows, 0]
        return {
            "apgr": metrics.apgr(scores, gains),
            "cpt50": metrics.cpt(scores, gains, 0.5),
            "cpt80": metrics.cpt(scores, gains, 0.8),
        }

    def mix(self, rows: Ints) -> Curve:
        """The best static mix for these prompts."""
        return static_mix(self.judged.cost[rows].mean(axis=0), self.judged.quality[rows].mean(axis=0))


def above_mix(curve: Curve, mix: Curve, costs: Doubles) -> Doubles:
    """How much better the curve is than the mix of the same cost, at each of `PLACES` between the tiers' mean costs."""
    places = costs.min() + PLACES * (costs.max() - costs.min())
    return np.asarray(curve.at(places) - mix.at(places))
