"""What limits add to a request's path: the same request with six of them and with none, in turns."""

import json
import random
from statistics import median

from tests.benchmarks.budgets.graph import FAST, Graph
from tests.benchmarks.client import Client
from tests.benchmarks.summary import Row, median_interval, spread

LIMITED, FREE = "with-limits", "without-limits"
GOAL_MS = 1.0
ROUNDS = 5
WARM_UP = 20
BODY = {"model": FAST, "messages": [{"role": "user", "content": "How long does this take?"}], "max_tokens": 1}
CHAT = "/v1/chat/completions"


def rules() -> list[dict[str, object]]:
    """Three scopes with two windows each, all of them far away."""
    scopes: list[dict[str, str]] = [{}, {"feature": "*"}, {"feature": "*", "user": "*"}]
    windows = [{"window": "day", "tokens": 2**40}, {"window": "hour", "sliding": True, "tokens": 2**40}]
    return [{"tenant": LIMITED, **scope, **window} for scope in scopes for window in windows]


def measure(graph: Graph, requests: int) -> Row:
    """So many a round of each kind, in pairs whose order is by lot."""
    client, chosen = Client(graph.url), random.Random(3)
    seconds: dict[str, list[float]] = {FREE: [], LIMITED: []}
    for number in range(WARM_UP + ROUNDS * requests):
        for tenant in chosen.sample([FREE, LIMITED], 2):
            took = _one(client, tenant)
            if number >= WARM_UP:
                seconds[tenant].append(took)
    client.close()
    return _row(seconds)


def _one(client: Client, tenant: str) -> float:
    headers = {"x-leanserve-tenant": tenant, "x-leanserve-feature": "faq", "x-leanserve-user": "ann"}
    return client.post(CHAT, json.dumps(BODY).encode(), headers).seconds


def _row(seconds: dict[str, list[float]]) -> Row:
    free, limited = spread(seconds[FREE], 1e3), spread(seconds[LIMITED], 1e3)
    pairs = [(one - other) * 1e3 for one, other in zip(seconds[LIMITED], seconds[FREE], strict=True)]
    low, high = median_interval(pairs)
    added = limited.p50 - free.p50
    return Row(
        f"limits on 3 scopes with 2 windows each: ≤ +{GOAL_MS:g} ms p50 on a request's path",
        free.show("ms", 2),
        limited.show("ms", 2),
        f"{added:+.2f} ms",
        added <= GOAL_MS,
        {"free": free, "limited": limited, "pairs": spread(pairs)},
        (
            f"path: {free.n} pairs, the median of their differences {median(pairs):+.2f} ms, with 95% confidence "
            f"{low:.2f} to {high:.2f} ms",
        ),
        sure=not low <= GOAL_MS <= high,
    )
