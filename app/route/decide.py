"""What the head says, the terms and a policy to a decision. Pure: no model, no clock, no state.

What the scores 0.3 and 0.7 stand for is in the model card beside the weights.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.config.routing import RoutingPolicy
from app.domain import Judgement, RouteDecision, RouteTerms, TierTerms
from app.route.chances import by_tier
from app.route.flat import is_flat
from app.route.multiplier import best_value, is_close

NOT_SURE = "not sure: "


@dataclass(frozen=True, slots=True)
class Question:
    """One decision to make: what the head said, P by tier, the policy, λ, and all tiers in their order."""

    judgement: Judgement
    p: dict[str, float]
    policy: RoutingPolicy
    multiplier: float
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A tier and why; `uncertain`: the head does not know, so that it is a better one."""

    tier: str
    reason: str
    uncertain: bool = False


def decide(terms: RouteTerms, judgement: Judgement, policy: RoutingPolicy, multiplier: float = 0.0) -> RouteDecision:
    """The cheapest tier of `terms` that can do the job, by `policy`; not sure takes a better one.

    Doubt takes the best allowed tier, flat probabilities and what lies within the margin the next better one. `reason`
    is one of few phrases; where a constraint kept a better-suited tier out, it names that too. `multiplier` is λ of the
    policy `cost`. The fallbacks are the allowed tiers better than the chosen one, in order.
    """
    question = asked(terms, judgement, policy, multiplier)
    taken, free = choose(question, terms.tiers), choose(question, terms.everything)
    excluded = terms.excluded.get(free.tier)
    reason = f"{taken.reason}; excluded: {excluded}" if excluded else taken.reason
    names = [tier.name for tier in terms.tiers]
    fallbacks = tuple(names[names.index(taken.tier) + 1 :])
    score = judgement.score if math.isfinite(judgement.score) else None
    return RouteDecision(taken.tier, score, reason, fallbacks, question.p, taken.uncertain)


def asked(terms: RouteTerms, judgement: Judgement, policy: RoutingPolicy, multiplier: float) -> Question:
    """With P of every tier, allowed or not; none where the head gave no numbers."""
    tiers = terms.everything
    values = by_tier(np.array([judgement.chances]), tiers, policy.calibration)[0].tolist()
    p = {tier.name: value for tier, value in zip(tiers, values, strict=True)}
    known = all(map(math.isfinite, values))
    return Question(judgement, p if known else {}, policy, multiplier, tuple(tier.name for tier in tiers))


def choose(question: Question, tiers: Sequence[TierTerms]) -> Choice:
    """One of `tiers`, cheapest to best."""
    if doubt := doubt_of(question):
        return Choice(tiers[-1].name, NOT_SURE + doubt, uncertain=True)
    by_policy = {"thresholds": by_threshold, "quality": by_quality, "cost": by_cost}
    choice = by_policy[question.policy.policy](question, tiers)
    if choice.tier != tiers[-1].name and not choice.uncertain and is_flat(row(question, tiers), tiers)[0]:
        return Choice(next_better(choice.tier, tiers), NOT_SURE + "flat probabilities", uncertain=True)
    return choice


def doubt_of(question: Question) -> str:
    """Why the numbers mean nothing, or nothing."""
    if question.judgement.doubt:
        return question.judgement.doubt
    return "" if question.p and math.isfinite(question.judgement.score) else "no score"


def by_threshold(question: Question, tiers: Sequence[TierTerms]) -> Choice:
    """The first tier whose threshold the score stays below, or the next better one where that is not at hand."""
    wanted, reason = wanted_tier(question.judgement.score, question.policy)
    tier, missing = at_hand(wanted, question, [tier.name for tier in tiers])
    return Choice(tier, reason + missing, uncertain=reason.startswith(NOT_SURE))


def wanted_tier(score: float, policy: RoutingPolicy) -> tuple[str | None, str]:
    """The tier whose threshold the score stays below by more than the margin, and why; None means the best."""
    near = ""
    for tier, threshold in ascending(policy):
        if score < threshold - policy.margin:
            return tier, within(near) if near else f"below the threshold of {tier}"
        near = tier if score < threshold else ""
    return None, within(near) if near else "above every threshold"


def within(tier: str) -> str:
    """The reason of a score just below the threshold of `tier`."""
    return f"{NOT_SURE}within the margin of {tier}"


def at_hand(wanted: str | None, question: Question, names: Sequence[str]) -> tuple[str, str]:
    """`wanted`, or the next better one of `names`; and what to say of a threshold's tier that is not configured."""
    thresholds = [tier for tier, _ in ascending(question.policy)]
    better = thresholds[thresholds.index(wanted) :] if wanted is not None else []
    known = next((tier for tier in better if tier in question.order), question.order[-1])
    missing = f"; no tier {wanted}" if wanted is not None and wanted != known else ""
    reachable = question.order[question.order.index(known) :]
    return next((tier for tier in reachable if tier in names), names[-1]), missing


def ascending(policy: RoutingPolicy) -> list[tuple[str, float]]:
    """Tiers and thresholds, the cheapest tier first."""
    return sorted(policy.thresholds.items(), key=lambda item: item[1])


def by_quality(question: Question, tiers: Sequence[TierTerms]) -> Choice:
    """The cheapest tier whose P is at least `min_quality`, by the margin; the best where none is."""
    near = False
    for tier in tiers:
        p, least = question.p[tier.name], question.policy.min_quality
        if p >= min(least + question.policy.margin, 1.0):
            return Choice(tier.name, f"{NOT_SURE}within the margin" if near else "good enough", uncertain=near)
        near = p >= least
    return Choice(tiers[-1].name, "good enough" if near else "no tier is good enough")


def by_cost(question: Question, tiers: Sequence[TierTerms]) -> Choice:
    """The largest P − λ · price; the next better tier where that is worth less than the margin less."""
    p, prices = row(question, tiers), np.array([float(tier.price) for tier in tiers])
    best = best_value(p, prices, question.multiplier)
    if is_close(p, prices, question.multiplier, question.policy.margin, best)[0]:
        return Choice(tiers[int(best[0]) + 1].name, f"{NOT_SURE}within the margin", uncertain=True)
    return Choice(tiers[int(best[0])].name, "best value")


def row(question: Question, tiers: Sequence[TierTerms]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """P of `tiers`, shape (1, tiers)."""
    return np.array([[question.p[tier.name] for tier in tiers]])


def next_better(name: str, tiers: Sequence[TierTerms]) -> str:
    """The tier above `name`."""
    names = [tier.name for tier in tiers]
    return names[names.index(name) + 1]
