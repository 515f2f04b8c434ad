"""Requests, budgets and an audit that nobody had, by the documented shapes."""

import random
from datetime import UTC, datetime
from typing import Any

from tests.console.fake_month import BACKENDS, MODELS, TIER_PRICE, Month

Row = dict[str, Any]
HITS = {"exact", "semantic", "coalesced"}


def records(month: Month, count: int, every_s: float = 7.0, seed: int = 11) -> list[Row]:
    """The last `count` requests, newest first."""
    draw = random.Random(seed)
    found = [_record(draw, month, month.now - every_s * (number + draw.random())) for number in range(count)]
    return sorted(found, key=lambda row: str(row["id"]), reverse=True)


def _record(draw: random.Random, month: Month, at: float) -> Row:
    tier = draw.choices(("small", "medium", "large"), (6, 3, 1))[0]
    cache = draw.choices(("miss", "exact", "semantic", "coalesced", "bypass"), (5, 2, 2, 0.4, 1))[0]
    hit, troubled = cache in HITS, draw.random() < 0.18
    attempts = [] if hit else _attempts(draw, tier, troubled)
    failed = bool(attempts) and attempts[-1]["outcome"] == "failed"
    paid = sum(each["micro_usd"] for each in attempts)
    nothing = TIER_PRICE["large"] + paid
    return {
        "object": "request",
        "id": f"req-{int(at * 1000):012x}{draw.getrandbits(48):012x}",
        "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "operation": "chat",
        "feature": draw.choice(month.features[:9]),
        "team": "support",
        "user": draw.choice(("ada", "grace", "edsger", "")),
        "session": draw.choice(("", f"s-{draw.getrandbits(16):04x}")),
        "lane": draw.choice(("interactive", "batch")),
        "model": "auto",
        "tier": tier,
        "backend": BACKENDS[tier],
        "served": MODELS[tier],
        "decided": "" if hit else attempts[0]["tier"],
        "reason": "" if hit else "cheapest_good",
        "cache": cache,
        "outcome": "failed" if failed else "success",
        "cause": attempts[-1]["cause"] if failed else "",
        "detail": "",
        "input_tokens": sum(e["input_tokens"] for e in attempts),
        "cached_tokens": sum(e["cached_tokens"] for e in attempts),
        "output_tokens": sum(e["output_tokens"] for e in attempts),
        "reasoning_tokens": 0,
        "micro_usd": paid + (3 if hit else 0),
        "wasted_micro_usd": sum(e["micro_usd"] for e in attempts if e["wasted"]),
        "attempt_count": len(attempts),
        "first_chunk_ms": 4.0 if hit else draw.uniform(90, 700),
        "duration_ms": 6.0 if hit else sum(e["duration_ms"] for e in attempts) + 5,
        "estimated": False,
        "stream": True,
        "tenant": "acme",
        "key": "k-7f3a",
        "score": None if hit else round(draw.random(), 3),
        "uncertain": False,
        "cache_reason": "no_neighbour" if cache == "miss" else "no_store" if cache == "bypass" else "verified",
        "charged_micro_usd": 3 if hit else 0,
        "trace": f"{draw.getrandbits(128):032x}",
        "policy": "p-1",
        "replica": "r-1",
        "kept": cache == "miss",
        "eligibility": "yes",
        "hit_input_tokens": 810 if hit else 0,
        "hit_output_tokens": 143 if hit else 0,
        "attempts": attempts,
        "anatomy": {
            "system": 410,
            "history": 265,
            "documents": 380,
            "tools": 90,
            "user": 120,
            "frame": 35,
            "exact": True,
            "prefix": "a1",
            "repeat": "b2",
            "documents_count": 6,
            "documents_duplicate": 60,
            "documents_unused": 210,
            "brief_tokens": None,
        },
        "savings": {
            "nothing_micro_usd": nothing,
            "cache_micro_usd": nothing - 3 if hit else 0,
            "routing_micro_usd": 0 if hit else nothing - paid,
            "limits_micro_usd": 0,
            "saved_micro_usd": nothing - 3 if hit else nothing - paid,
            "micro_usd": paid + (3 if hit else 0),
        },
    }


def _attempts(draw: random.Random, tier: str, troubled: bool) -> list[Row]:
    if not troubled:
        return [_attempt(draw, tier, "answer", "")]
    cause = draw.choice(("timeout", "overload", "connection"))
    last = draw.choice(("answer", "answer", "failed"))
    first = _attempt(draw, tier, draw.choice(("retry", "hedge")), cause)
    return [first, _attempt(draw, tier, "answer", "" if last == "answer" else "timeout")]


def _attempt(draw: random.Random, tier: str, role: str, cause: str) -> Row:
    tokens = draw.randint(700, 1_700)
    return {
        "tier": tier,
        "backend": BACKENDS[tier],
        "model": MODELS[tier],
        "role": role,
        "outcome": "failed" if cause else "success",
        "cause": cause,
        "detail": "",
        "input_tokens": tokens,
        "cached_tokens": int(tokens * draw.choice((0, 0.4, 0.6))),
        "output_tokens": 0 if cause else draw.randint(30, 400),
        "reasoning_tokens": 0,
        "micro_usd": int(TIER_PRICE[tier] * draw.uniform(0.5, 1.5)),
        "price": "configs@1",
        "first_chunk_ms": None if cause else draw.uniform(80, 300),
        "duration_ms": draw.uniform(400, 2_400),
        "wasted": bool(cause) or role != "answer",
    }


RULES: list[Row] = [
    {"id": "b-1", "object": "budget", "source": "stored", "tenant": "acme", "usd": "40", "window": "day"},
    {"id": None, "object": "budget", "source": "policy", "tenant": "*", "feature": "*", "usd": "9", "window": "day"},
    {"id": None, "object": "budget", "source": "policy", "tenant": "*", "session": "*", "requests": 9, "window": "day"},
]


def scope(text: str, features: list[str]) -> Row:
    """`/admin/scopes/<text>`: the tenant has half of its dollars left, features less and less."""
    limits = [_limit("tenant=acme", "micro_usd", 40_000_000, 18_400_000, 41_000)]
    limits.append(_limit("tenant=acme", "requests", 100_000, 41_250, 41_000))
    if ",feature=" in text:
        used = (0.98, 0.86, 0.55, 0.31, 0.22, 0.1)[hash_of(text) % 6]
        limits.append(_limit(text, "micro_usd", 9_000_000, int(9_000_000 * used), 41_000))
    return {"object": "scope", "scope": text, "stopped": False, "reason": None, "limits": limits}


def hash_of(text: str) -> int:
    """The same in every process."""
    return sum(text.encode())


def _limit(scope: str, unit: str, amount: int, spent: int, resets: float) -> Row:
    return {
        "scope": scope,
        "unit": unit,
        "amount": amount,
        "window": "day",
        "on_limit": "reject",
        "spent": spent,
        "held": 1_200,
        "remaining": amount - spent - 1_200,
        "resets_in_s": resets,
    }


def outcomes(month: Month, since: str, until: str) -> Row:
    """`/admin/reports/outcomes`."""
    rows = []
    for at, feature in enumerate(month.features[:9]):
        told = 4_200 // (at + 1)
        good, spent = int(told * (0.91 - 0.07 * at)), told * 410 * (1 + at % 3)
        rows.append(
            {
                "feature": feature,
                "type": ("resolved", "accepted", "clicked")[at % 3],
                "outcomes": told,
                "successes": good if at != 6 else 0,
                "value": good * 1.5,
                "micro_usd": spent,
                "micro_usd_per_outcome": spent / told,
                "micro_usd_per_success": spent / good if at != 6 else None,
                "feature_requests": told * 3,
                "feature_micro_usd": spent * 2,
            }
        )
    return {
        "object": "report.outcomes",
        "tenant": "acme",
        "since": since,
        "until": until,
        "rows": rows,
        "other": None,
        "types": [_type(rows, name) for name in ("resolved", "accepted", "clicked")],
    }


def _type(rows: list[Row], name: str) -> Row:
    some = [row for row in rows if row["type"] == name]
    told, good, spent = (sum(row[key] for row in some) for key in ("outcomes", "successes", "micro_usd"))
    return {
        "type": name,
        "outcomes": told,
        "successes": good,
        "value": good * 1.5,
        "micro_usd": spent,
        "micro_usd_per_outcome": spent / told,
        "micro_usd_per_success": spent / good,
    }


SINS: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "one_model",
        "One model for all",
        "answers of a dear tier that a cheaper one would have given",
        "routing:\n  tiers:\n  - small\n  - large\n",
        "requests",
    ),
    ("firehose", "Retrieval firehose", "documents of which the answer shows nothing, or that came twice", "", "tokens"),
    (
        "amnesia",
        "Context amnesia",
        "the same prompt again, not kept though it could have been",
        "cache:\n  features:\n  - feature: faq\n    ttl_s: 86400\n",
        "requests",
    ),
    ("retries", "Retry spiral", "attempts that failed so that another was made, by cause", "", "attempts"),
)


def audit(month: Month, requests: list[Row], since: str, until: str) -> Row:
    """`/admin/audit`."""
    found = []
    for at, (sin, title, rule, policy, unit) in enumerate(SINS):
        usd = (61.2, 24.75, 9.4, 3.1)[at]
        places = [
            _place(month.features[rank], requests[rank], usd * part, at) for rank, part in enumerate((0.6, 0.3, 0.1))
        ]
        found.append(
            {
                "sin": sin,
                "title": title,
                "usd": f"{usd:.6f}",
                "certain_usd": f"{usd * 0.8:.6f}",
                "compound_usd": f"{usd * (1 - 0.1 * at):.6f}",
                "requests": 18_400 // (at + 1),
                "unit": unit,
                "exact_share": 0.97,
                "rule": rule,
                "assumed": "a fix changes nothing of what the answers are worth",
                "places": places,
                "change": {
                    "policy": policy,
                    "args": "",
                    "advice": "" if policy else "send fewer documents: the best three",
                },
            }
        )
    return {
        "object": "audit",
        "tenant": "acme",
        "since": since,
        "until": until,
        "requests": 41_872,
        "spent_usd": "212.430000",
        "compound_usd": "92.310000",
        "unasked_usd": "11.200000",
        "unpriced_requests": 12,
        "truncated": False,
        "findings": found,
    }


def _place(feature: str, request: Row, usd: float, at: int) -> Row:
    return {
        "feature": feature,
        "cause": "timeout" if at == 3 else "",
        "usd": f"{usd:.6f}",
        "certain_usd": f"{usd * 0.8:.6f}",
        "compound_usd": f"{usd:.6f}",
        "feature_spent_usd": f"{usd * 2.2:.6f}",
        "requests": 900,
        "part": 900,
        "whole": 2_200,
        "examples": [request["id"]],
    }


def window(now: float, since: str, until: str) -> tuple[float, float]:
    """Of texts such as `30d`; seconds since 1970."""
    sizes = {"d": 86_400, "h": 3_600}

    def moment(text: str) -> float:
        return now - int(text[:-1]) * sizes[text[-1]] if text else now

    return moment(since), moment(until)
