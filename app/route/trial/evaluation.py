"""What the router's scores and a policy's decisions are worth on judged prompts, beside the baselines.

Always-best is the last tier for every prompt; cost and quality are given as shares of its own. "Weak" and "strong" of
RouteLLM's numbers are the first and the last tier, ranked by the score; the router's curve is that of all tiers, ranked
by P(good enough) for the price (`frontier.sweep`).
"""

from dataclasses import dataclass
from math import nan

import numpy as np

from app.config.policy import Policy
from app.route import metrics
from app.route.frontier import Curve, oracle, random_mix
from app.route.resampling import Estimate
from app.route.trial.facts import PLACES, Facts
from app.route.trial.judging import Judged
from app.trial.lines import ALL

UNNAMED = "(none)"
"""The domain of lines without one, in a file where others have one."""
MOST_POINTS = 200
"""Of one curve; more are not seen."""


@dataclass(frozen=True, slots=True)
class Point:
    """A mean cost as a share of always-best's, and a mean quality, 0–1."""

    cost: float
    quality: float


@dataclass(frozen=True, slots=True)
class Lines:
    """What is drawn. `tiers` are always-X, the cheapest first."""

    router: tuple[Point, ...]
    random_mix: tuple[Point, ...]
    static_mix: tuple[Point, ...]
    tiers: tuple[Point, ...]
    oracle: Point
    policy: Point


@dataclass(frozen=True, slots=True)
class AgainstMix:
    """Quality above that of the best static mix at the same cost, 0–1: of the curve, in the mean and at its worst of
    `PLACES` (there, `worst_at`), and of the policy's point. `worse`: surely below it at some place."""

    mean: Estimate
    worst: Estimate
    worst_at: float
    point: Estimate
    worse: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One domain.

    `apgr`, `cpt50` and `cpt80` are RouteLLM's. Under the policy: `kept` and `cost` are shares of always-best's quality
    and cost, `off_best` the share of prompts that it spares, `uncertain` the share it was not sure of. `calibration`
    is the expected calibration error of P(good enough) by tier. `good_router` and `good_mix`: the share of
    always-best's cost at which router and best static mix have `GOOD` of its quality.
    """

    name: str
    prompts: int
    apgr: Estimate
    cpt50: Estimate
    cpt80: Estimate
    kept: Estimate
    cost: Estimate
    off_best: float
    uncertain: float
    calibration: tuple[float, ...]
    good_router: Estimate
    good_mix: Estimate
    against_mix: AgainstMix
    lines: Lines


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The domains, by name, none where no line has one; `whole`, all prompts together, under `policy`. `priced`: the
    file has costs."""

    tiers: tuple[str, ...]
    parts: tuple[Part, ...]
    whole: Part
    policy: Policy
    priced: bool
    seed: int

    @property
    def every(self) -> tuple[Part, ...]:
        """The domains, then all together."""
        return (*self.parts, self.whole)


def evaluate(judged: Judged, policy: Policy, seed: int = 0) -> Evaluation:
    """The numbers of judged prompts, one at least; `seed` is the bootstrap's."""
    names = sorted(set(judged.domain.tolist()))
    whole = part(ALL, judged, seed)
    others = names if names != [ALL] else []
    parts = tuple(part(UNNAMED if name == ALL else name, judged.of(name), seed) for name in others)
    return Evaluation(judged.tiers, parts, whole, policy, judged.priced, seed)


def part(name: str, judged: Judged, seed: int) -> Part:
    """The numbers of one domain."""
    facts = Facts.of(judged)
    found = facts.estimates(seed)
    return Part(
        name=name,
        prompts=len(judged.score),
        off_best=float((judged.chosen < len(judged.tiers) - 1).mean()),
        uncertain=float(judged.uncertain.mean()),
        calibration=tuple(
            metrics.calibration_error(judged.p[:, i], judged.quality[:, i]) for i in range(len(judged.tiers))
        ),
        against_mix=against_mix(found),
        lines=lines(facts),
        **{name: found[name] for name in ("apgr", "cpt50", "cpt80", "kept", "cost", "good_router", "good_mix")},
    )


def against_mix(found: dict[str, Estimate]) -> AgainstMix:
    """The comparison, of a domain's numbers."""
    above = [found[f"above_{i}"] for i in range(len(PLACES))]
    worst = min(range(len(above)), key=lambda i: above[i].value)
    worse = any(each.high < 0 for each in above)
    return AgainstMix(found["mean"], above[worst], float(PLACES[worst]), found["point"], worse)


def lines(facts: Facts) -> Lines:
    """The curves and points, cost as a share of always-best's."""
    judged, everyone = facts.judged, np.arange(len(facts.quality))
    cost, quality = judged.cost.mean(axis=0), judged.quality.mean(axis=0)
    whole = float(cost[-1]) or nan
    perfect = oracle(judged.quality, judged.cost)
    return Lines(
        router=points(facts.sweep.curve(), whole),
        random_mix=points(random_mix(cost, quality), whole),
        static_mix=points(facts.mix(everyone), whole),
        tiers=tuple(Point(float(c) / whole, float(q)) for c, q in zip(cost, quality, strict=True)),
        oracle=Point(perfect[0] / whole, perfect[1]),
        policy=Point(float(facts.cost.mean()) / whole, float(facts.quality.mean())),
    )


def points(curve: Curve, whole: float) -> tuple[Point, ...]:
    """At most `MOST_POINTS` of a curve, both ends among them."""
    kept = np.unique(np.linspace(0, len(curve.cost) - 1, MOST_POINTS).round().astype(int))
    return tuple(Point(float(curve.cost[i]) / whole, float(curve.quality[i])) for i in kept)
