"""The same question from many at once, and the death of the replica that leads their flight."""

import asyncio
import json
import os
import signal
from dataclasses import dataclass
from typing import Any

import httpx
import redis

from tests.serve.conftest import LOCAL, Cluster
from tests.serve.test_graph import metric

LEASE_S, DEAD_S = 3.0, 2.0
MIXED = [True, True, False, False] * 5
"""Streams and plain ones, in pairs: a proxy that takes turns gives each of two replicas both kinds."""
CUT_OFF = {0, 503}
"""What the proxy tells the clients of a replica that died, as `replica_unavailable`; 0: a connection that broke."""


@dataclass
class Outcome:
    """What one client got: the status, the text, how the answer was made, and the code of an error of ours."""

    status: int
    text: str = ""
    cache: str = ""
    error: str = ""


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
