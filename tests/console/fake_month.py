"""A month of traffic that nobody had: what `/admin` would answer the console, by its documented shapes."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

DAY_S, HOUR_S = 86_400, 3_600
FEATURES = ("support chat", "contract search", "mail triage", "product copy", "code review", "faq", "summaries")
HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
TIERS = ("small", "medium", "large")
TIER_PRICE = {"small": 90, "medium": 610, "large": 4_300, "": 0}
CACHES = (("miss", 0.52), ("exact", 0.2), ("semantic", 0.15), ("coalesced", 0.03), ("bypass", 0.1))
CAUSES = (("", 0.94), ("timeout", 0.02), ("overload", 0.015), ("client_left", 0.015), ("invalid_output", 0.01))
PROMPT = {"system": 0.31, "history": 0.2, "documents": 0.29, "tools": 0.07, "user": 0.1, "frame": 0.03}
BACKENDS = {"small": "vllm-small", "medium": "vllm-medium", "large": "openai"}
MODELS = {"small": "Qwen2.5-0.5B-Instruct", "medium": "Qwen2.5-7B-Instruct", "large": "gpt-4o"}
ROLES = (("answer", 0.9), ("retry", 0.04), ("hedge", 0.03), ("draft", 0.03))

Row = dict[str, Any]


class Month:
    """Sums by day and dimensions, drawn once from `seed`; `now` is seconds since 1970, `dear` multiplies all costs."""

    def __init__(self, now: float, features: int = 24, days: int = 60, seed: int = 7, dear: float = 1.0) -> None:
        self.now, self._dear = now, dear
        self._draw = random.Random(seed)
        names = [*FEATURES, HOSTILE, *(f"tool {number}" for number in range(features - len(FEATURES) - 1))]
        self.features = names[:features]
        today = int(now // DAY_S)
        self.cells = [cell for day in range(today - days + 1, today + 1) for cell in self._day(day)]

    def _day(self, day: int) -> Iterable[Row]:
        weekday = 0.55 if (day + 4) % 7 >= 5 else 1.0
        for rank, feature in enumerate(self.features):
            busy = weekday * 900 / (1 + rank) ** 0.9 * self._draw.uniform(0.85, 1.15) * (1 + (day % 60) / 140)
            for at, tier in enumerate(TIERS):
                part = (0.62, 0.27, 0.11)[(at + rank // 3) % 3 if rank % 4 == 3 else at]
                for cache, cached in CACHES:
                    for cause, caused in CAUSES if cache == "miss" and rank < 8 else CAUSES[:1]:
                        if requests := int(busy * part * cached * caused + self._draw.random()):
                            yield self._cell(day, feature, tier, cache, cause, requests)

    def _cell(self, day: int, feature: str, tier: str, cache: str, cause: str, requests: int) -> Row:
        hit = cache in {"exact", "semantic", "coalesced"}
        role = "" if hit else self._draw.choices([name for name, _ in ROLES], [part for _, part in ROLES])[0]
        attempts = 0 if hit else requests
        tokens = int(attempts * self._draw.uniform(1_100, 1_500))
        cost = attempts * self._dear * TIER_PRICE[tier] * self._draw.uniform(0.8, 1.2)
        wasted = cost if cause or role not in {"answer", ""} else 0
        nothing = requests * self._dear * TIER_PRICE["large"] * 0.62 + cost * 0.2
        cached = nothing * 0.96 if hit else nothing * 0.01
        return {
            "day": day,
            "feature": feature,
            "tier": tier,
            "cache": cache,
            "cause": cause,
            "team": "support" if len(feature) % 2 else "sales",
            "user": f"user-{len(feature) % 9}",
            "backend": "" if hit else BACKENDS[tier],
            "model": "" if hit else MODELS[tier],
            "role": role,
            "requests": requests,
            "attempts": attempts,
            "hits": requests if hit else 0,
            "input_tokens": tokens,
            "cached_tokens": int(tokens * 0.44),
            "output_tokens": int(tokens * 0.17),
            "reasoning_tokens": 0,
            "micro_usd": int(cost),
            "wasted_micro_usd": int(wasted),
            **{f"{name}_tokens": int(tokens * part) for name, part in PROMPT.items()},
            "nothing_micro_usd": int(nothing),
            "cache_saved_micro_usd": int(cached),
            "routing_saved_micro_usd": int(nothing) - int(cached) - int(cost) - int(cost * 0.03),
            "limits_saved_micro_usd": int(cost * 0.03),
            "duration_ms": attempts * 900,
        }


MEASURES = (
    "requests",
    "attempts",
    "hits",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "micro_usd",
    "wasted_micro_usd",
    *(f"{name}_tokens" for name in PROMPT),
    "nothing_micro_usd",
    "cache_saved_micro_usd",
    "routing_saved_micro_usd",
    "limits_saved_micro_usd",
    "duration_ms",
)


def summed(cells: Iterable[Row]) -> dict[str, int]:
    """All measures."""
    found = dict.fromkeys(MEASURES, 0)
    for cell in cells:
        for name in MEASURES:
            found[name] += cell[name]
    return found


def grouped(cells: Sequence[Row], by: Sequence[str]) -> list[tuple[tuple[str, ...], list[Row]]]:
    """By values of dimensions, dearest first."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for cell in cells:
        groups.setdefault(tuple(cell[name] for name in by), []).append(cell)
    return sorted(groups.items(), key=lambda pair: -sum(cell["micro_usd"] for cell in pair[1]))


def cost(cells: Sequence[Row], by: Sequence[str], limit: int) -> Row:
    """The body of `reports/cost`, without its window."""
    groups, total = grouped(cells, by), summed(cells)
    rows = [dict(zip(by, values, strict=True)) | summed(some) for values, some in groups[:limit]]
    rest = [cell for _, some in groups[limit:] for cell in some]
    parts = {name: total[f"{name}_saved_micro_usd"] for name in ("cache", "routing", "limits")}
    saved = sum(parts.values())
    waste = [
        {"role": role, "cause": cause, "attempts": sum(c["attempts"] for c in some), "wasted_micro_usd": lost}
        for (role, cause), some in grouped([c for c in cells if c["wasted_micro_usd"]], ("role", "cause"))
        if (lost := sum(c["wasted_micro_usd"] for c in some))
    ]
    return {
        "object": "report.cost",
        "by": list(by),
        "rows": rows,
        "other": {"rows": len(groups) - limit, **summed(rest)} if rest else None,
        "total": total,
        "savings": {
            "nothing_micro_usd": total["micro_usd"] + saved,
            **{f"{name}_micro_usd": value for name, value in parts.items()},
            "saved_micro_usd": saved,
            "micro_usd": total["micro_usd"],
        },
        "waste": waste,
    }


def timeline(cells: Sequence[Row], days: Sequence[int], by: Sequence[str], measures: Sequence[str], limit: int) -> Row:
    """The body of `reports/timeline` by days, without its window."""
    groups = grouped(cells, by)

    def lines(some: Iterable[Row]) -> Row:
        found = {name: dict.fromkeys(days, 0) for name in measures}
        for cell in some:
            for name in measures:
                found[name][cell["day"]] += cell[name]
        return {name: list(values.values()) for name, values in found.items()}

    rest = [cell for _, some in groups[limit:] for cell in some]
    return {
        "object": "report.timeline",
        "span": "day",
        "by": list(by),
        "measures": list(measures),
        "starts": [iso(day * DAY_S) for day in days],
        "series": [dict(zip(by, values, strict=True)) | lines(some) for values, some in groups[:limit]],
        "other": {"rows": len(groups) - limit, **lines(rest)} if rest else None,
    }


def iso(seconds: float) -> str:
    """In UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
