"""The graph on a cluster of several Ray nodes, deployed by `serve run`: prefix routing, autoscaling, and deaths."""

import asyncio
import copy
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.serve.conftest import INLINE, LOCAL, document
from tests.serve.nodes import BIN, Nodes, started
from tests.serve.test_graph import until

pytestmark = pytest.mark.serve
SMALL, LARGE = "Tier:small-echo", "Tier:large-echo"
ON_WORKERS = {"ray_actor_options": {"num_cpus": 0, "resources": {"back": 0.01}}, "max_replicas_per_node": 1}
SPREAD = {
    **ON_WORKERS,
    "num_replicas": 2,
    "request_router_config": {"request_router_class": "deployments.affinity.PrefixAffinityRouter"},
}
ELASTIC = {
    **ON_WORKERS,
    "autoscaling_config": {
        "min_replicas": 1,
        "max_replicas": 2,
        "target_ongoing_requests": 2,
        "upscale_delay_s": 0.5,
        "downscale_delay_s": 1,
        "metrics_interval_s": 0.5,
        "look_back_period_s": 1,
    },
    "graceful_shutdown_timeout_s": 2,
}


@dataclass
class Served:
    """A graph on nodes."""

    url: str
    nodes: Nodes

    async def ask(self, client: httpx.AsyncClient, model: str, text: str) -> httpx.Response:
        """One question, neither read from nor written to the cache."""
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        headers = {**LOCAL, "x-leanserve-cache": "no-cache, no-store"}
        return await client.post(f"{self.url}/v1/chat/completions", json=body, headers=headers)

    async def flood(self, model: str, requests: int, clients: int, text: str = "a question") -> list[httpx.Response]:
        """`requests` answers, `clients` at a time."""
        gate = asyncio.Semaphore(clients)

        async def one(client: httpx.AsyncClient, i: int) -> httpx.Response:
            async with gate:
                return await self.ask(client, model, f"{text} {i}")

        async with httpx.AsyncClient(timeout=40) as client:
            return list(await asyncio.gather(*(one(client, i) for i in range(requests))))

    def ready(self) -> bool:
        """Whether `/ready` says so."""
        try:
            return httpx.get(f"{self.url}/ready", timeout=6).status_code == 200
        except httpx.HTTPError:
            return False


def configuration() -> dict[str, Any]:
    """ci.yaml for nodes: the ingress on the head, both tiers on the workers."""
    found = copy.deepcopy(document(placement=INLINE))
    args = found["applications"][0]["args"]
    found["proxy_location"] = "HeadOnly"  # the nodes share one machine and so one port 8000
    args["serve"]["ingress"]["ray_actor_options"]["resources"] = {"front": 0.01}
    args["tiers"][0]["backends"][0]["serve"] = SPREAD
    args["tiers"][1]["backends"][0] |= {"serve": ELASTIC, "time_to_first_token_ms": 400}
    found["applications"][0]["deployments"][0]["user_config"]["attempts"] = {"first_token_timeout_s": 5}
    return found


@pytest.fixture(scope="module")
def served(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`serve run` on a cluster that runs already, with REDIS_URL in its environment."""
    found, folder = configuration(), tmp_path_factory.mktemp("nodes")
    (folder / "serve.yaml").write_text(yaml.safe_dump(found))
    with started(2, redis_url) as nodes:
        served = Served(f"http://127.0.0.1:{found['http_options']['port']}", nodes)
        serve_run(nodes, folder / "serve.yaml")
        assert until(served.ready, 120), nodes.head.log
        yield served


def serve_run(nodes: Nodes, config: Path) -> None:
    """The command of the README."""
    command = [str(BIN / "serve"), "run", "--non-blocking", "--address", nodes.address, str(config)]
    subprocess.run(command, env=nodes.environ, cwd=config.parent, check=True, timeout=60, capture_output=True)


def test_replicas_spread_over_the_nodes(served: Served) -> None:
    """One replica of the small tier on each worker, as `max_replicas_per_node` asks."""
    assert [len(node.replicas(SMALL)) for node in served.nodes.workers] == [1, 1]


async def test_the_same_prefix_goes_to_the_same_replica(served: Served) -> None:
    """Prefix-aware routing finds the prompt in a `BackendCall`: a long prefix stays where it is cached."""

    async def calls_of(text: str) -> list[int]:
        before = [node.calls(SMALL) for node in served.nodes.workers]
        answers = await served.flood("small", 8, 1, text)
        assert [answer.status_code for answer in answers] == [200] * 8
        return [node.calls(SMALL) - old for node, old in zip(served.nodes.workers, before, strict=True)]

    homes = [await calls_of(f"{i} alpha beta gamma " * 200) for i in range(8)]
    assert all(sorted(home) == [0, 8] for home in homes)
    assert len({tuple(home) for home in homes}) == 2, "eight prefixes of one home: chance is 1 in 128"


async def test_a_prompt_without_text_is_answered(served: Served) -> None:
    """A prefix-aware router must not stumble over an empty prompt, as Ray's does."""
    async with httpx.AsyncClient(timeout=20) as client:
        assert (await served.ask(client, "small", "")).status_code in {200, 400}


async def test_a_tier_grows_under_load_and_shrinks_again(served: Served) -> None:
    """One replica of the large tier at rest, two under load, one again, and no request fails."""
    assert len(served.nodes.replicas(LARGE)) == 1
    load = asyncio.create_task(served.flood("large", 160, 16))
    grown = await asyncio.to_thread(until, lambda: len(served.nodes.replicas(LARGE)) == 2)
    answers = await load
    assert grown
    assert {answer.status_code for answer in answers} == {200}
    assert await asyncio.to_thread(until, lambda: len(served.nodes.replicas(LARGE)) == 1)


async def test_a_dead_replica_costs_at_most_clear_errors(served: Served) -> None:
    """Killed under load: every request is answered or told 5xx, and the tier recovers by itself."""
    load = asyncio.create_task(served.flood("small", 200, 8))
    await asyncio.sleep(0.5)
    os.kill(served.nodes.replicas(SMALL)[0], signal.SIGKILL)
    clear(await load)
    assert await asyncio.to_thread(until, lambda: len(served.nodes.replicas(SMALL)) == 2)
    assert {answer.status_code for answer in await served.flood("small", 20, 4)} == {200}


async def test_a_dead_node_costs_at_most_clear_errors(served: Served) -> None:
    """The same for all of a node at once; what is left serves on."""
    load = asyncio.create_task(served.flood("small", 200, 8))
    await asyncio.sleep(0.5)
    served.nodes.workers[0].kill()
    clear(await load)
    assert await asyncio.to_thread(until, served.ready)
    for tier in ("small", "large"):
        assert {answer.status_code for answer in await served.flood(tier, 20, 4)} == {200}


def clear(answers: list[httpx.Response]) -> None:
    """Answers, or errors in OpenAI's shape; mostly answers."""
    failed = [answer for answer in answers if answer.status_code != 200]
    assert all(answer.status_code in {502, 503, 504} and answer.json()["error"]["code"] for answer in failed)
    assert len(failed) <= len(answers) / 10
