"""A score, a policy and the tiers at hand to a decision. Pure: no model, no clock, no state."""

import math
from collections.abc import Sequence

from app.config.policy import RoutingPolicy
from app.domain import RouteDecision
from app.route.features import Reading

MAX_CHARACTERS = 8_000
"""Above it a prompt is unlike anything the head learned from: the longest of the training has 4,753 characters."""

MAX_NON_ASCII = 0.2
"""Above it a prompt is not English text: MiniLM-L6 was trained on English, and all labels are of English prompts.
None of the 21,727 training prompts exceeds it, nor does any look foreign by its function words."""


def decide(score: float, reading: Reading, policy: RoutingPolicy, tiers: Sequence[str]) -> RouteDecision:
    """The cheapest of `tiers` (cheapest to best, not empty) that is good enough for `score`.

    A score below a tier's threshold by more than `policy.margin` takes that tier; within the margin it is not sure and
    takes the better one; above every threshold it takes the best. A threshold's tier that is not among `tiers` is
    served by the next better one. A prompt that the head cannot judge takes the best. The fallbacks are the tiers
    better than the chosen one, in order. `reason` is one of few fixed phrases: fit for a metric's label.
    """
    unlike = unlike_training(score, reading)
    wanted, reason = (None, f"not sure: {unlike}") if unlike else wanted_tier(score, policy)
    tier = at_hand(wanted, policy, tiers)
    if wanted is not None and wanted != tier:
        reason += f"; no tier {wanted}"
    return RouteDecision(tier, score, reason, tuple(tiers[tiers.index(tier) + 1 :]))


def unlike_training(score: float, reading: Reading) -> str | None:
    """Why the head's score says nothing about this prompt, or None."""
    if not math.isfinite(score):
        return "no score"
    if reading.empty:
        return "empty prompt"
    if reading.characters > MAX_CHARACTERS:
        return "longer than the training prompts"
    if reading.non_ascii_share > MAX_NON_ASCII or reading.foreign:
        return "not English"
    return None


def wanted_tier(score: float, policy: RoutingPolicy) -> tuple[str | None, str]:
    """The tier whose threshold the score stays below, and why; None means the best."""
    near = ""
    for tier, threshold in by_threshold(policy):
        if score < threshold - policy.margin:
            return tier, f"not sure: within the margin of {near}" if near else f"below the threshold of {tier}"
        near = tier if score < threshold else ""
    return None, f"not sure: within the margin of {near}" if near else "above every threshold"


def at_hand(wanted: str | None, policy: RoutingPolicy, tiers: Sequence[str]) -> str:
    """`wanted`, or the next better tier that is configured; thresholds ascending are the order of better."""
    names = [tier for tier, _ in by_threshold(policy)]
    better = names[names.index(wanted) :] if wanted is not None else []
    return next((tier for tier in better if tier in tiers), tiers[-1])


def by_threshold(policy: RoutingPolicy) -> list[tuple[str, float]]:
    """Tiers and thresholds, the cheapest tier first."""
    return sorted(policy.thresholds.items(), key=lambda item: item[1])
