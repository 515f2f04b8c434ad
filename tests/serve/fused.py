"""Engines and books when who asked is killed in the middle, on real Ray Serve: two ingress replicas, echo tiers."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import redis

from app.budget.grants import RedisGrants
from app.budget.ledger import RedisBudgetLedger
from app.config.gateway import StoreSpec
from app.domain import Limit, Period, Scope, Unit, Window
from app.store.client import Store, open_store
from tests.serve.conftest import INLINE, LOCAL, Cluster, document, launched
from tests.serve.engines import known_token, stats
from tests.serve.test_graph import until

pytestmark = pytest.mark.serve
STREAMS, ANSWER, LIMIT = 12, 1_500, 9_000
WORDS, INPUT = "word " * 20, 20
BROKEN = "broken"
KILLED_AFTER_S, RECLAIMED_S = 2.5, 10.0


@dataclass(frozen=True)
class Spending:
    """A graph whose engine can be asked what it made."""

    cluster: Cluster
    token: dict[str, str] = field(repr=False)

    @property
    def engine(self) -> dict[str, int]:
        """The `EchoStats` of `small`."""
        return stats(self.cluster, "small", self.token)


@pytest.fixture(scope="module")
def spending(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spending]:
    """Streams of up to eight seconds; `acme` may spend half of what its streams want, `rich` what one does."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    found = document(placement=INLINE)
    args, policy = found["applications"][0]["args"], found["applications"][0]["deployments"][0]["user_config"]
    args["serve"]["ingress"]["num_replicas"] = 2
    small = args["tiers"][0] | {"context_tokens": 8192, "max_output_tokens": ANSWER}
    small["backends"][0] |= {"tokens": ANSWER, "time_per_token_ms": 5}
    args["tiers"][0] = small
    policy["cache"] = {"semantic": False}
    policy["budgets"] = [{"tenant": name, "tokens": LIMIT, "window": "total"} for name in ("acme", "rich")]
    token = known_token()
    with launched(found, tmp_path_factory.mktemp("fuse"), redis_url, **token) as running:
        yield Spending(running, token)


@dataclass
class Told:
    """What one client was told: tokens, and how the answer ended, if it did."""

    id: str = ""
    tokens: int = 0
    ended: str = ""
    cause: str = ""


async def ask(client: httpx.AsyncClient, cluster: Cluster, tenant: str, told: Told) -> None:
    """One stream, read as far as it comes."""
    body = {"model": "small", "messages": [{"role": "user", "content": WORDS}], "stream": True}
    headers = {**LOCAL, "x-leanserve-cache": "no-cache, no-store", "x-leanserve-tenant": tenant}
    try:
        async with client.stream("POST", f"{cluster.url}/v1/chat/completions", json=body, headers=headers) as answer:
            told.id = answer.headers.get("x-leanserve-request-id", "")
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    _hear(told, json.loads(line[6:]))
    except httpx.HTTPError:
        told.cause = BROKEN


def _hear(told: Told, event: dict[str, object]) -> None:
    choices = event.get("choices")
    for choice in choices if isinstance(choices, list) else []:
        told.tokens += bool(choice.get("delta", {}).get("content"))
        told.ended = choice.get("finish_reason") or told.ended
        told.cause = choice.get("stop_reason") or told.cause


async def flood(cluster: Cluster, tenant: str, told: list[Told]) -> None:
    """All at once."""
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=len(told))) as client:
        await asyncio.gather(*(ask(client, cluster, tenant, each) for each in told))


@asynccontextmanager
async def store(redis_url: str) -> AsyncIterator[Store]:
    """The graph's own."""
    opened = await open_store(redis_url, StoreSpec(timeout_s=5))
    yield opened
    await opened.close()


def busiest(redis_url: str) -> int:
    """The process of the ingress replica that holds most reservations of `acme`: its name begins with that."""
    with redis.Redis.from_url(redis_url) as client:
        found = {key: client.zcard(key) for key in client.keys("*{acme}:budget:open:*")}
    most = max(found, key=lambda key: found[key])
    return int(most.rpartition(b":")[2].split(b"-")[0])


async def booked(redis_url: str, tenant: str) -> tuple[int, int]:
    """Spent and held of the tenant's tokens."""
    limit = Limit(Scope(tenant), Unit.TOKENS, LIMIT, Window(Period.TOTAL))
    async with store(redis_url) as opened:
        [found] = await RedisBudgetLedger(opened).booked(tenant, [limit])
    return found.spent, found.held


async def reclaimed_in(redis_url: str, told: list[Told]) -> float:
    """Seconds until nothing is held for those whose stream broke."""
    begun = time.monotonic()
    async with store(redis_url) as opened:
        grants = RedisGrants(opened)
        while time.monotonic() < begun + 60:
            broken = [each.id for each in told if each.cause == BROKEN]
            if broken and not any([await grants.granted("acme", id_) for id_ in broken]):
                break
            await asyncio.sleep(0.1)
    return time.monotonic() - begun


def test_a_stream_that_ends_in_the_middle_made_no_token_more(spending: Spending, redis_url: str) -> None:
    """All that the limit leaves is used; engine, clients and books agree to the token, and every client knows why."""
    before, told = spending.engine["produced"], [Told() for _ in range(STREAMS)]
    asyncio.run(flood(spending.cluster, "rich", told))
    assert until(lambda: spending.engine["active"] == 0)
    spent, held = asyncio.run(booked(redis_url, "rich"))
    shown = sum(each.tokens for each in told)
    assert spending.engine["produced"] - before == shown
    assert (spent, held) == (shown + INPUT * sum(each.tokens > 0 for each in told), 0)
    assert LIMIT - STREAMS <= spent <= LIMIT
    endings = {(each.ended, each.cause) for each in told if each.tokens}
    assert ("length", "budget_exceeded") in endings
    assert endings <= {("stop", ""), ("length", "budget_exceeded")}


def test_a_killed_ingress_leaves_no_engine_without_a_grant(spending: Spending, redis_url: str) -> None:
    """Its engines make no more than was granted; in ten seconds the books hold nothing and say at least as much."""
    before, told = spending.engine["produced"], [Told() for _ in range(STREAMS)]

    async def scene() -> float:
        asking = asyncio.ensure_future(flood(spending.cluster, "acme", told))
        await asyncio.sleep(KILLED_AFTER_S)
        os.kill(busiest(redis_url), signal.SIGKILL)
        took = await reclaimed_in(redis_url, told)
        await asking
        return took

    took = asyncio.run(scene())
    assert BROKEN in {each.cause for each in told}
    assert took < RECLAIMED_S
    assert until(lambda: spending.engine["active"] == 0)
    spent, held = asyncio.run(booked(redis_url, "acme"))
    produced = spending.engine["produced"] - before
    print(f"reclaimed in {took:.1f} s; shown {sum(each.tokens for each in told)}, made {produced}, spent {spent}")
    assert sum(each.tokens for each in told) <= produced <= spent <= LIMIT
    assert held == 0
