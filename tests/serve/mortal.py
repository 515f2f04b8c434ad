"""A graph for tests that kill ingress replicas: there are two, and tiers that think for long or speak slowly."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.serve.conftest import DRAINED_AT_ONCE, INLINE, Cluster, document, ends_at_once, launched
from tests.serve.engines import asking, known_token
from tests.serve.test_graph import metric

FIRST_TOKEN_MS, TOKEN_MS = 2_000, 150
ANSWER, LIMIT = 1_500, 9_000
SPENDERS = ("acme", "rich")
LONG = {
    "name": "long",
    "model": "echo-long",
    "context_tokens": 8192,
    "max_output_tokens": ANSWER,
    "backends": [
        {"kind": "echo", "tokens": ANSWER, "time_per_token_ms": 5, "serve": {"ray_actor_options": {"num_cpus": 0}}}
    ],
}


@dataclass(frozen=True)
class Mortal:
    """A graph whose ingress replicas are killed; `engine` asks the only one of `long` for its `EchoStats`."""

    cluster: Cluster
    engine: Callable[[], dict[str, int]] = field(repr=False)


@contextmanager
def started(redis_url: str, folder: Path) -> Iterator[Mortal]:
    """`small` thinks for long, `large` speaks slowly, `long` answers for up to eight seconds; `SPENDERS` are limited.

    `acme` may spend half of what its streams want, `rich` what one does. Nothing is compared by meaning.
    """
    token = known_token()
    with (
        launched(_configuration(), folder, redis_url, **token, **DRAINED_AT_ONCE) as running,
        asking(running, "long", token) as engine,
    ):
        yield Mortal(running, engine)


def both_answer(cluster: Cluster) -> bool:
    """Whether each of two replicas answered; the proxy's own word for one that is not there names none."""
    try:
        return len(metric(cluster, "leanserve_records_dropped_total").keys() - {""}) == 2
    except httpx.HTTPError:
        return False


def _configuration() -> dict[str, Any]:
    found = document(placement=INLINE)
    args, policy = found["applications"][0]["args"], found["applications"][0]["deployments"][0]["user_config"]
    args["serve"]["ingress"]["num_replicas"] = 2
    args["tiers"][0]["backends"][0]["time_to_first_token_ms"] = FIRST_TOKEN_MS
    args["tiers"][1]["backends"][0]["time_per_token_ms"] = TOKEN_MS
    args["tiers"].append(LONG)
    policy["prices"]["long"] = policy["prices"]["small"]
    policy["cache"] = {"semantic": False}
    policy["budgets"] = [{"tenant": name, "tokens": LIMIT, "window": "total"} for name in SPENDERS]
    return ends_at_once(found)
