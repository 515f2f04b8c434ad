"""Streams that their limit ends, what their clients were told, and what the books of a running graph say of them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import redis

from app.budget.grants import RedisGrants
from app.budget.ledger import RedisBudgetLedger
from app.config.gateway import StoreSpec
from app.domain import Limit, Period, Scope, Unit, Window
from app.store.client import Store, open_store
from tests.serve.conftest import LOCAL, Cluster
from tests.serve.mortal import LIMIT

STREAMS = 12
WORDS, INPUT = "word " * 20, 20
BROKEN = "broken"
KILLED_AFTER_S, RECLAIMED_S = 2.5, 10.0


@dataclass
class Told:
    """What one client was told: tokens, and how the answer ended, if it did."""

    id: str = ""
    tokens: int = 0
    ended: str = ""
    cause: str = ""


async def ask(client: httpx.AsyncClient, cluster: Cluster, tenant: str, told: Told) -> None:
    """One stream, read as far as it comes."""
    body = {"model": "long", "messages": [{"role": "user", "content": WORDS}], "stream": True}
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
