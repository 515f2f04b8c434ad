"""Real engines and what was granted: counted in vLLM's own scheduler, beside what clients got."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import STOPPED, made
from tests.serve.conftest import LOCAL, Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@dataclass
class Told:
    """What a client was told."""

    id: str
    usage: dict[str, Any]
    causes: set[str]


async def ask(client: httpx.AsyncClient, cluster: Cluster, tenant: str, choices: int) -> Told:
    """A story without an end."""
    body = {
        "model": "small",
        "messages": [{"role": "user", "content": "Tell me a story."}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 600,
        "ignore_eos": True,
        "n": choices,
    }
    headers = {**LOCAL, "x-leanserve-cache": "no-cache, no-store", "x-leanserve-tenant": tenant}
    async with client.stream("POST", f"{cluster.url}/v1/chat/completions", json=body, headers=headers) as answer:
        events = [json.loads(line[6:]) async for line in answer.aiter_lines() if line.startswith("data: {")]
        causes = {choice.get("stop_reason") for event in events for choice in event["choices"]} - {None}
        return Told(answer.headers["x-leanserve-request-id"], events[-1]["usage"], causes)


def test_an_engine_makes_not_one_token_that_nobody_granted(local: Cluster) -> None:
    """Ten streams that their limits end, some of two choices: what the model made is what the client got."""

    async def scene() -> list[Told]:
        async with httpx.AsyncClient(timeout=400) as client:
            return await asyncio.gather(
                *(ask(client, local, tenant, 2 if at % 5 == 4 else 1) for at, tenant in enumerate(STOPPED))
            )

    told = asyncio.run(scene())
    assert {cause for each in told for cause in each.causes} == {"budget_exceeded"}
    for each, amount in zip(told, STOPPED.values(), strict=True):
        assert made(local, each.id) == each.usage["completion_tokens"]
        assert amount - 1 <= each.usage["total_tokens"] <= amount  # two choices may leave one
