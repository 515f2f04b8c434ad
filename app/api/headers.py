"""What a response says of its journey."""

import math
from collections.abc import Sequence

from app.domain import CacheHit, Remaining, RouteDecision, Unit
from app.journey import Journey

TOKEN_UNITS = frozenset({Unit.TOKENS, Unit.INPUT_TOKENS, Unit.OUTPUT_TOKENS})


def response_headers(journey: Journey) -> dict[str, str]:
    """`x-leanserve-*` and `Server-Timing` (https://www.w3.org/TR/server-timing/), as far as known by now."""
    headers = {"x-leanserve-request-id": journey.request.id, "x-leanserve-cache": journey.cache}
    headers |= _cache_headers(journey)
    if journey.tier:
        headers["x-leanserve-tier"] = journey.tier
    if journey.decision:
        headers |= _route_headers(journey.decision)
    if journey.cascade:
        headers["x-leanserve-cascade"] = str(journey.cascade)
    if not (journey.request.stream and journey.attempts):
        headers["x-leanserve-cost-usd"] = f"{journey.cost / 1_000_000:.6f}"
    headers |= budget_headers(journey.left)
    if journey.stopped:
        headers["x-leanserve-stopped"] = journey.stopped.code
    if journey.timings:
        headers["server-timing"] = ", ".join(
            f"{name.replace('.', '-')};dur={seconds * 1000:.2f}" for name, seconds in journey.timings.items()
        )
    return headers


def budget_headers(left: Sequence[Remaining]) -> dict[str, str]:
    """What the tightest limits leave: tokens, US dollars, requests, and the seconds until the first begins anew."""
    tokens = min((each for each in left if each.limit.unit in TOKEN_UNITS), key=_amount, default=None)
    money = min((each for each in left if each.limit.unit is Unit.MICRO_USD), key=_amount, default=None)
    requests = min((each for each in left if each.limit.unit is Unit.REQUESTS), key=_amount, default=None)
    headers = {}
    if tokens:
        headers["x-leanserve-budget-remaining-tokens"] = str(max(0, tokens.amount))
    if money:
        headers["x-leanserve-budget-remaining-usd"] = f"{max(0, money.amount) / 1_000_000:.6f}"
    if requests:
        headers["x-leanserve-budget-remaining-requests"] = str(max(0, requests.amount))
    resets = [each.resets_in_s for each in (tokens, money, requests) if each and each.resets_in_s is not None]
    return headers | ({"x-leanserve-budget-reset": str(math.ceil(min(resets)))} if resets else {})


def _amount(left: Remaining) -> int:
    return left.amount


def _route_headers(decision: RouteDecision) -> dict[str, str]:
    """Why this tier; score, P by tier and doubt where the router was asked."""
    headers = {"x-leanserve-route-reason": _plain(decision.reason)}
    if decision.score is not None:
        headers["x-leanserve-route-score"] = f"{decision.score:.3f}"
    if decision.p:
        headers["x-leanserve-route-p"] = ",".join(f"{tier}={p:.2f}" for tier, p in decision.p.items())
    if decision.score is not None or decision.uncertain:
        headers["x-leanserve-route-uncertain"] = "true" if decision.uncertain else "false"
    return headers


def _cache_headers(journey: Journey) -> dict[str, str]:
    """Of a hit what it is; of the rest why, but not what another's prompt had to do with it."""
    headers = _hit_headers(journey.hit) if journey.hit else {}
    if journey.cache_reason and (journey.hit or not journey.miss):
        headers["x-leanserve-cache-reason"] = _plain(journey.cache_reason)
    return headers


def _hit_headers(hit: CacheHit) -> dict[str, str]:
    """The age in whole seconds, as HTTP's own `Age`."""
    headers = {
        "x-leanserve-cache-entry": hit.entry_id,
        "x-leanserve-cache-similarity": f"{hit.similarity:.4f}",
        "x-leanserve-cache-age": str(int(hit.age_s)),
    }
    if hit.p_same is not None:
        headers["x-leanserve-cache-probability"] = f"{hit.p_same:.4f}"
    return headers


def _plain(text: str) -> str:
    """What any HTTP client takes."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text[:128])
