"""The same question from many at once, on a real graph with two ingress replicas, one of which is killed."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import redis

from tests.serve.conftest import LOCAL, Cluster, document, launched
from tests.serve.test_graph import metric, until

pytestmark = pytest.mark.serve
FIRST_TOKEN_MS, TOKEN_MS = 2_000, 150
LEASE_S, DEAD_S = 3.0, 2.0
CUT_OFF = {0, 503}
"""What the proxy tells the clients of a replica that died, as `replica_unavailable`; 0: a connection that broke."""


@dataclass
class Outcome:
    """What one client got: the status, the text, how the answer was made, and the code of an error of ours."""

    status: int
    text: str = ""
    cache: str = ""
    error: str = ""


@pytest.fixture(scope="module")
def stampeded(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two ingress replicas; `small` thinks for long, `large` speaks slowly; nothing is compared by meaning."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    found = document()
    args, policy = found["applications"][0]["args"], found["applications"][0]["deployments"][0]["user_config"]
    args["serve"]["ingress"]["num_replicas"] = 2
    args["tiers"][0]["backends"][0]["time_to_first_token_ms"] = FIRST_TOKEN_MS
    args["tiers"][1]["backends"][0]["time_per_token_ms"] = TOKEN_MS
    policy["cache"] = {"semantic": False}
    with launched(found, tmp_path_factory.mktemp("stampede"), redis_url) as running:
        yield running


def attempts(cluster: Cluster) -> float:
    """Calls of a model by the replicas that live."""
    return sum(metric(cluster, "leanserve_attempts_total").values())


async def ask(client: httpx.AsyncClient, cluster: Cluster, body: dict[str, Any]) -> Outcome:
    """One client; a stream is read to its end."""
    try:
        async with client.stream("POST", f"{cluster.url}/v1/chat/completions", json=body) as answer:
            cache = answer.headers.get("x-leanserve-cache", "")
            raw = (await answer.aread()).decode()
    except httpx.HTTPError:
        return Outcome(0)
    if answer.status_code != 200:
        return Outcome(answer.status_code, error=json.loads(raw)["error"]["code"] if raw.startswith("{") else "")
    if not body["stream"]:
        return Outcome(200, json.loads(raw)["choices"][0]["message"]["content"], cache)
    events = [json.loads(line[6:]) for line in raw.splitlines() if line.startswith("data: {")]
    said = [choice["delta"].get("content") or "" for event in events for choice in event.get("choices", ())]
    error = next((event["error"]["code"] for event in events if "error" in event), "")
    assert error or raw.rstrip().endswith("[DONE]")
    return Outcome(200, "".join(said), cache, error)


async def stampede(cluster: Cluster, model: str, text: str, streams: list[bool]) -> list[Outcome]:
    """A client for each of `streams`, all at once."""
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    limits = httpx.Limits(max_connections=len(streams))
    async with httpx.AsyncClient(timeout=40, limits=limits, headers=LOCAL) as client:
        return await asyncio.gather(*(ask(client, cluster, {**body, "stream": stream}) for stream in streams))


async def kill_leader(redis_url: str, after_s: float) -> None:
    """SIGKILL for the replica that leads the only flight."""
    await asyncio.sleep(after_s)
    with redis.Redis.from_url(redis_url) as client:
        [flight] = client.keys("*:cache:flight:*")
        leader = client.hget(flight, "leader")
    assert isinstance(leader, bytes)
    os.kill(int(leader.split(b"-")[0]), signal.SIGKILL)


def recovered(cluster: Cluster) -> bool:
    """Whether both replicas answer."""
    try:
        return len(metric(cluster, "leanserve_attempts_total")) == 2
    except (httpx.HTTPError, IndexError):
        return False


def test_twenty_clients_of_two_replicas_make_one_call(stampeded: Cluster) -> None:
    """Plain and streaming; one pays."""
    before = attempts(stampeded)
    outcomes = asyncio.run(stampede(stampeded, "small", "tell me of the sea", [True, False] * 10))
    assert {(outcome.status, outcome.error) for outcome in outcomes} == {(200, "")}
    assert len({outcome.text for outcome in outcomes}) == 1
    assert sorted(outcome.cache for outcome in outcomes) == ["coalesced"] * 19 + ["miss"]
    assert attempts(stampeded) - before == 1


def test_a_killed_leader_hangs_nobody(stampeded: Cluster, redis_url: str) -> None:
    """Before its first token: who was connected to it sees a clean error, all others one answer, from one more call."""

    async def scene() -> list[Outcome]:
        asking = stampede(stampeded, "small", "tell me of the mountains", [True, False] * 10)
        outcomes, _ = await asyncio.gather(asking, kill_leader(redis_url, 1.0))
        return outcomes

    began = time.monotonic()
    outcomes = asyncio.run(scene())
    assert time.monotonic() - began < 1 + LEASE_S + FIRST_TOKEN_MS / 1000 + 5
    answered = [outcome for outcome in outcomes if outcome.status == 200]
    assert {outcome.status for outcome in outcomes} <= {200, *CUT_OFF}
    assert {outcome.error for outcome in outcomes} <= {"", "replica_unavailable"}
    assert {outcome.error for outcome in answered} == {""}
    assert 2 <= len(answered) < 20
    assert len({outcome.text for outcome in answered}) == 1
    assert [outcome.cache for outcome in answered].count("miss") == 1
    assert until(lambda: recovered(stampeded), 60)


def test_a_leader_killed_in_the_middle_hangs_nobody(stampeded: Cluster, redis_url: str) -> None:
    """What was shown in part ends with OpenAI's error in the stream; who had been shown nothing has a whole answer.

    On a busy machine the leader may die before its first token: then nobody was shown a part.
    """

    async def scene() -> list[Outcome]:
        asking = stampede(stampeded, "large", "tell me of the desert", [True, False] * 10)
        outcomes, _ = await asyncio.gather(asking, kill_leader(redis_url, 2.0))
        return outcomes

    began = time.monotonic()
    outcomes = asyncio.run(scene())
    assert time.monotonic() - began < 2 + LEASE_S + DEAD_S + 32 * TOKEN_MS / 1000 + 5
    assert {outcome.status for outcome in outcomes} <= {200, *CUT_OFF}
    streams = [outcome for outcome in outcomes[::2] if outcome.status == 200]
    whole = [outcome for outcome in outcomes[1::2] if outcome.status == 200]
    assert {outcome.error for outcome in streams} <= {"", "backend_unavailable"}
    assert {outcome.error for outcome in whole} == {""}
    assert all(whole[0].text.startswith(outcome.text) for outcome in streams)
    assert len({outcome.text for outcome in whole}) == 1
    assert [outcome.cache for outcome in whole].count("miss") <= 1  # or a stream that had been shown nothing leads
