"""What a response says of its journey."""

from app.journey import Journey


def response_headers(journey: Journey) -> dict[str, str]:
    """`x-leanserve-*` and `Server-Timing` (https://www.w3.org/TR/server-timing/), as far as known by now."""
    headers = {"x-leanserve-request-id": journey.request.id, "x-leanserve-cache": journey.cache}
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
