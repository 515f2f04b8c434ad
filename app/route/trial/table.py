"""An evaluation as text: what was decided, and what chance would have made of it."""

from collections.abc import Callable, Sequence
from math import isnan

from app.route.resampling import RESAMPLES, Estimate
from app.route.trial.evaluation import Evaluation, Part
from app.route.trial.facts import GOOD
from app.trial.table import NOTHING, aligned

Show = Callable[[float], str]


def table(found: Evaluation) -> str:
    """Both tables, one line a domain and one for all, each before a word on what its columns are."""
    return "\n".join(
        [
            *aligned([decided_head(found.tiers), *map(decided, found.every)]),
            "",
            *decided_legend(found),
            "",
            *aligned([CHANCE_HEAD, *map(chance, found.every)]),
            "",
            *CHANCE_LEGEND,
        ]
    )


def decided_head(tiers: Sequence[str]) -> list[str]:
    """The columns of what was decided."""
    best, errors = tiers[-1], f"ECE {' / '.join(tiers)}"
    names = ["domain", "prompts", "APGR", "95%", "CPT50", "CPT80", "kept", "95%", f"off {best}", "cost"]
    return [*names, errors, "not sure"]


def decided(part: Part) -> list[str]:
    """The cells of one domain."""
    return [
        part.name,
        f"{part.prompts:,}",
        decimals(part.apgr.value),
        between(part.apgr, decimals),
        percent(part.cpt50.value),
        percent(part.cpt80.value),
        percent(part.kept.value),
        between(part.kept, percent),
        percent(part.off_best),
        percent(part.cost.value),
        " / ".join(map(decimals, part.calibration)),
        percent(part.uncertain),
    ]


def decided_legend(found: Evaluation) -> list[str]:
    """What its numbers mean."""
    weak, best = found.tiers[0], found.tiers[-1]
    costs = "US dollars" if found.priced else "steps between the tiers, for the file has none"
    return [
        f"Tiers, from the cheapest to the best: {', '.join(found.tiers)}. Policy: {found.policy.routing.policy}.",
        f"Costs in {costs}.",
        *unnamed(found),
        f"APGR, CPT50, CPT80: RouteLLM's, of the score between {weak} and {best}; by lot .500, 50%, 80%. kept: the",
        f"policy's quality as a share of always-{best}'s. off {best}: prompts that it kept off {best}. cost: of",
        f"always-{best}'s. ECE: how far P(good enough) is off, by tier. not sure: a better tier was taken for want of",
        f"knowledge. Intervals of 95%, by {RESAMPLES} resamples of the prompts.",
    ]


def unnamed(found: Evaluation) -> list[str]:
    """A warning where the policy knows other tiers than the file."""
    routing, best = found.policy.routing, found.tiers[-1]
    if routing.policy != "thresholds" or set(routing.thresholds) & set(found.tiers[:-1]):
        return []
    return [
        f"The policy has thresholds for {', '.join(routing.thresholds)} and none for these tiers: all go to {best}."
    ]


CHANCE_HEAD = [
    "domain",
    f"cost for {GOOD:.0%}",
    "static mix",
    "oracle",
    "above mix",
    "95%",
    "worst",
    "95%",
    "policy",
    "95%",
    "worse",
]
"""The columns beside chance."""


def chance(part: Part) -> list[str]:
    """The cells of one domain."""
    against, oracle = part.against_mix, part.lines.oracle
    compared = ((each, between(each, points)) for each in (against.mean, against.worst, against.point))
    return [
        part.name,
        percent(part.good_router.value),
        percent(part.good_mix.value),
        f"{percent(oracle.quality)} for {percent(oracle.cost)}",
        *(cell for each, interval in compared for cell in (points(each.value), interval)),
        f"at {against.worst_at:.0%}" if against.worse else "no",
    ]


CHANCE_LEGEND = [
    f"cost for {GOOD:.0%}: of always-best's cost, for {GOOD:.0%} of its quality, by the router and by the best static",
    "mix, which sends fixed shares of the prompts to the tiers by lot. oracle: quality and cost of the cheapest of",
    "each prompt's best answers. above mix: quality above that of the best static mix at the same cost, in percentage",
    "points, of the router's curve in the mean and at its worst of 19 places, and of the policy. worse: where the",
    "curve is surely below the mix.",
]
"""What its numbers mean."""


def between(found: Estimate, show: Show) -> str:
    """`.651–.702`, or a dash of nothing."""
    if isnan(found.low):
        return NOTHING
    separator = " to " if show is points else "–"
    return f"{show(found.low)}{separator}{show(found.high)}"


def percent(share: float) -> str:
    """`87.0%`, or a dash of nothing."""
    return NOTHING if isnan(share) else f"{share:.1%}"


def decimals(value: float) -> str:
    """`.651`, or a dash of nothing."""
    return NOTHING if isnan(value) else f"{value:.3f}".replace("0.", ".", 1)


def points(difference: float) -> str:
    """`+1.2`, in percentage points, or a dash of nothing."""
    return NOTHING if isnan(difference) else f"{round(100 * difference, 1) + 0.0:+.1f}"
