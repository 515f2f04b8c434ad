"""What a response says of its journey."""

from app.domain import CacheHit
from app.journey import Journey


def response_headers(journey: Journey) -> dict[str, str]:
    """`x-leanserve-*` and `Server-Timing` (https://www.w3.org/TR/server-timing/), as far as known by now."""
    headers = {"x-leanserve-request-id": journey.request.id, "x-leanserve-cache": journey.cache}
    headers |= _cache_headers(journey)
    if journey.tier:
        headers["x-leanserve-tier"] = journey.tier
    if journey.decision and journey.decision.score is not None:
        headers["x-leanserve-route-score"] = f"{journey.decision.score:.3f}"
    if not (journey.request.stream and journey.attempts):
        headers["x-leanserve-cost-usd"] = f"{journey.cost / 1_000_000:.6f}"
    if journey.timings:
        headers["server-timing"] = ", ".join(
            f"{name.replace('.', '-')};dur={seconds * 1000:.2f}" for name, seconds in journey.timings.items()
        )
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
