"""The same question from many at once, at two gateways on one Redis, through the real client."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
from openai import AsyncOpenAI, OpenAI, RateLimitError

from tests.api.conftest import Serve, client_of
from tests.fakes import FakeEmbedder
from tests.harness import Running, eventually, tier

ASK: Any = [{"role": "user", "content": "one two three four five six seven eight nine ten"}]
SLOW = {"tiers": [tier("small", tokens=12, time_to_first_token_ms=400, time_per_token_ms=20), tier("large")]}
RESERVED = 120
"""Tokens: enough for one call, which reserves 114 of them, and too little for two."""


class FakeSlowEmbedder(FakeEmbedder):
    """A fake embedder that takes its time."""

    async def embed(self, texts: Sequence[str], *, bulk: bool = False) -> list[bytes]:
        await asyncio.sleep(0.5)
        return await super().embed(texts, bulk=bulk)


def calls(*gateways: Running) -> int:
    return sum(gateway.backends["small/echo"].stats().started for gateway in gateways)


async def plain(gateway: Running) -> tuple[str, str, float]:
    """Text, cache result and cost."""
    client = AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="local", max_retries=0)
    raw = await client.chat.completions.with_raw_response.create(model="small", messages=ASK)
    text = raw.parse().choices[0].message.content or ""
    return text, raw.headers["x-leanserve-cache"], float(raw.headers["x-leanserve-cost-usd"])


async def streamed(gateway: Running) -> tuple[str, str, float]:
    """The same of a stream."""
    client = AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="local", max_retries=0)
    stream = await client.chat.completions.create(
        model="small", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    account = chunks[-1].model_dump()["leanserve"]
    return text, account["cache"], account["cost_usd"]


def test_forty_clients_make_one_call_within_the_budget_of_one(serve: Serve) -> None:
    """Plain and streaming, at two gateways: one pays, 39 have its words for nothing, and the tenant could pay one."""
    budgets = [{"tokens": RESERVED, "window": "day"}]
    one, other = (serve(config=SLOW, policy={"budgets": budgets}) for _ in range(2))

    async def stampede() -> list[tuple[str, str, float]]:
        return await asyncio.gather(
            *(ask(each) for _ in range(10) for each in (one, other) for ask in (plain, streamed))
        )

    answers = asyncio.run(stampede())
    assert calls(one, other) == 1
    assert len({text for text, _, _ in answers}) == 1
    assert sorted(cache for _, cache, _ in answers) == ["coalesced"] * 39 + ["miss"]
    assert sorted(cost for _, _, cost in answers)[:39] == [0.0] * 39


def test_a_shared_stream_looks_like_a_fresh_one(serve: Serve) -> None:
    """To the client a follower's chunks are those of its own call, but for id, time and what is ours."""
    gateways = [serve(config=SLOW) for _ in range(2)]

    async def both() -> list[list[dict[str, Any]]]:
        return await asyncio.gather(*(chunks_of(gateway) for gateway in gateways))

    first, second = asyncio.run(both())
    assert calls(*gateways) == 1
    assert len({chunk["id"] for chunk in first}) == len({chunk["id"] for chunk in second}) == 1
    assert first[0]["id"] != second[0]["id"]
    assert first[-1].pop("leanserve") != second[-1].pop("leanserve")
    assert [{**chunk, "id": "", "created": 0} for chunk in first] == [
        {**chunk, "id": "", "created": 0} for chunk in second
    ]


async def chunks_of(gateway: Running) -> list[dict[str, Any]]:
    client = AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="local", max_retries=0)
    stream = await client.chat.completions.create(
        model="small", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    return [chunk.model_dump(exclude_unset=True) async for chunk in stream]


def test_tenants_never_share_a_flight(serve: Serve) -> None:
    """The same words at the same time: a call for each tenant."""
    gateways = [serve(config=SLOW) for _ in range(2)]

    async def ask(gateway: Running, tenant: str) -> str:
        client = AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="local", max_retries=0)
        raw = await client.chat.completions.with_raw_response.create(
            model="small", messages=ASK, extra_headers={"x-leanserve-tenant": tenant}
        )
        return str(raw.headers["x-leanserve-cache"])

    async def stampede() -> list[str]:
        tenants = ("acme", "acme}", "{acme}", "")
        return await asyncio.gather(*(ask(gateway, tenant) for tenant in tenants for gateway in gateways))

    assert sorted(asyncio.run(stampede())) == ["coalesced"] * 4 + ["miss"] * 4
    assert calls(*gateways) == 4


def test_a_budget_refusal_is_the_leaders_own(serve: Serve) -> None:
    """Who may spend nothing is refused; who waited for its answer is not, and pays."""
    budgets = [{"feature": "poor", "tokens": 0, "window": "day"}]
    gateways = [serve(embedder=FakeSlowEmbedder(), policy={"budgets": budgets}) for _ in range(2)]

    async def ask(gateway: Running, feature: str) -> str:
        client = AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="local", max_retries=0)
        raw = await client.chat.completions.with_raw_response.create(
            model="small", messages=ASK, extra_headers={"x-leanserve-feature": feature}
        )
        return str(raw.headers["x-leanserve-cache"])

    async def both() -> tuple[str | BaseException, str | BaseException]:
        leading = asyncio.ensure_future(ask(gateways[0], "poor"))
        await asyncio.sleep(0.2)
        return await asyncio.gather(leading, ask(gateways[1], "rich"), return_exceptions=True)

    refused, answered = asyncio.run(both())
    assert isinstance(refused, RateLimitError)
    assert answered == "miss"


def test_a_client_that_leaves_takes_nobody_along(serve: Serve) -> None:
    """The leader's client closes its window in the middle: who follows has the whole answer, from the same call."""
    long = {"tiers": [tier("small", tokens=40, time_per_token_ms=30), tier("large")]}
    gateways = [serve(config=long) for _ in range(2)]
    body = {"model": "small", "messages": ASK, "stream": True}
    with httpx.stream("POST", f"{gateways[0].url}/v1/chat/completions", json=body) as leaving:
        parts = leaving.iter_lines()
        next(parts)
        stream = client_of(gateways[1]).chat.completions.create(model="small", messages=ASK, stream=True)
        text = next(stream).choices[0].delta.content or ""
    text += "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert len(text.split()) == 40
    assert calls(*gateways) == 1


def test_the_answer_is_in_the_cache_afterwards(serve: Serve) -> None:
    """Whoever asks after the flight has an exact hit, or what the flight still knows: no second call."""
    one, other = (serve(config=SLOW) for _ in range(2))
    first = client_of(one).chat.completions.create(model="small", messages=ASK)
    again: list[str] = []

    def exact() -> bool:
        raw = client_of(other).chat.completions.with_raw_response.create(model="small", messages=ASK)
        assert raw.parse().choices[0].message.content == first.choices[0].message.content
        again.append(raw.headers["x-leanserve-cache"])
        return again[-1] == "exact"

    assert eventually(exact)
    assert set(again) <= {"coalesced", "exact"}
    assert calls(one, other) == 1


def test_a_request_alone_costs_no_record(serve: Serve, clean_redis: str) -> None:
    """Without a second client nothing of the answer but the cache's own entry is written."""
    client: OpenAI = client_of(running := serve(config=SLOW))
    client.chat.completions.create(model="small", messages=ASK)
    assert eventually(lambda: running.gateway.stages.flights.running == 0)
    client.chat.completions.create(model="small", messages=ASK)
    assert b"cache:records" not in b"".join(keys_of(clean_redis))


def keys_of(url: str) -> list[bytes]:
    import redis

    with redis.Redis.from_url(url) as connection:
        return list(connection.scan_iter("*"))
