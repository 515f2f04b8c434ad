"""The product as it is deployed: two ingress replicas, two of each echo tier, a durable Redis; who can be killed."""

import asyncio
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import yaml

from app.cli.child import Launch, ServingChild
from app.cli.up import child_env
from app.config.gateway import EchoBackend
from app.process import descendants
from app.store.embedded import EmbeddedRedis
from tests.benchmarks.processes import command
from tests.benchmarks.stand import HOME, ROOT, START_S
from tests.ports import free_port

REPLICAS = 2
FAST, TWICE, SLOW, REAL = "fast", "twice", "slow", "small"
ECHO = {"kind": "echo", "serve": {"num_replicas": REPLICAS, "ray_actor_options": {"num_cpus": 0}}}
FAST_ECHO = EchoBackend.model_validate({**ECHO, "tokens": 1, "most_tokens": 300, "time_per_token_ms": 5})
SLOW_ECHO = EchoBackend.model_validate({**ECHO, "tokens": 4_000, "time_per_token_ms": 250})
"""`slow` streams for minutes: somebody must stop it."""
HEDGE = {"after_s": 0.1, "most_share": 0.2}
HESITATES = {"time_to_first_token_ms": 300}
"""`twice` has two backends, of which the first does: a fifth of its requests are hedged. The others have one."""
REAL_WAIT_S = 60
"""What the longest answers of a small model take on two cores: who waits for what others hold waits for their ends."""
ECHO_WAIT_S = 10
"""The same of hundreds of echoes."""
WAITING = {"max_wait_s": 5, "max_waiting": 1_000}
VICTIMS = {
    "ingress": "ray::ServeReplica:leanserve:Ingress",
    "tier": f"ray::ServeReplica:leanserve:Tier:{FAST}-echo",
    "actor": "ray::BudgetActor",
}


@dataclass(frozen=True, slots=True)
class Graph:
    """A running graph. `journal` is where its engines write down what they produce."""

    url: str
    file: Path
    journal: Path
    redis: EmbeddedRedis
    child: ServingChild
    spare: frozenset[int]

    def pids(self, victim: str) -> list[int]:
        """The processes of a kind of `VICTIMS`, or of `redis`."""
        if victim == "redis":
            return [self.redis.pid]
        found = descendants(os.getpid(), self.spare)
        return sorted(pid for pid in found if (words := command(pid)) and words[0].startswith(VICTIMS[victim]))

    def revive_redis(self) -> None:
        """As `leanserve up` does."""
        if self.redis.revive():
            self.child.spare(self.redis.pid)

    async def whole(self) -> None:
        """Wait until all that can be killed is there, and the graph says that it is ready."""
        end, wanted = time.monotonic() + START_S, {"ingress": REPLICAS, "tier": REPLICAS, "actor": 1}
        while any(len(self.pids(victim)) < number for victim, number in wanted.items()) or not _ready(self.url):
            assert time.monotonic() < end, {victim: self.pids(victim) for victim in VICTIMS}
            await asyncio.sleep(0.25)

    def change(self, policy: dict[str, Any]) -> None:
        """Save the configuration with parts of another policy; the launcher sees it."""
        found = yaml.safe_load(self.file.read_text())
        found["applications"][0]["deployments"][0]["user_config"] |= policy
        self.file.write_text(yaml.safe_dump(found))


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def document(budgets: Sequence[dict[str, Any]], journal: Path, *, engine: bool) -> dict[str, Any]:
    """`ci.yaml` with our echo tiers, or `local.yaml` with its small one: no caches, these limits, on a free port."""
    name = "local.yaml" if engine else "ci.yaml"
    found: dict[str, Any] = yaml.safe_load((ROOT / "configs" / name).read_text())
    found["http_options"]["port"] = free_port()
    application = found["applications"][0]
    args, policy = application["args"], application["deployments"][0]["user_config"]
    echoes = [_tier(FAST, FAST_ECHO, journal), _tier(TWICE, FAST_ECHO, journal), _tier(SLOW, SLOW_ECHO, journal)]
    [echo] = echoes[1]["backends"]
    quick = {**echo, "serve": {**echo["serve"], "num_replicas": 1}}  # two of each would take as long again to start
    echoes[1]["backends"] = [{**quick, **HESITATES}, quick]
    args["tiers"] = args["tiers"][:1] if engine else echoes
    args["serve"]["ingress"]["num_replicas"] = REPLICAS
    policy["prices"] = {tier["name"]: {"input": "0.10", "output": "0.40"} for tier in args["tiers"]}
    policy |= {"routing": {}, "features": {}, "attempts": {} if engine else {"hedge": HEDGE}}
    policy["budgets"] = list(budgets)
    policy["spending"] = {"throttle": WAITING, "wait_for_held_s": REAL_WAIT_S if engine else ECHO_WAIT_S}
    policy["cache"] = {"exact": False, "semantic": False, "coalesce": False}
    return found


def _tier(name: str, echo: EchoBackend, journal: Path) -> dict[str, Any]:
    backend = {**echo.model_dump(mode="json"), "journal": str(journal)}
    most = max(echo.tokens, echo.most_tokens or 0)
    context = {"context_tokens": 2 * most + 8_192, "max_output_tokens": most}
    return {"name": name, "model": f"echo-{name}", **context, "backends": [backend]}


@contextmanager
def running(
    folder: Path,
    budgets: Sequence[dict[str, Any]],
    *,
    engine: bool = False,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Graph]:
    """Redis and LeanServe, on echo tiers or a real `engine`; gone afterwards. The calling thread must outlive it.

    `change` is made to the configuration, `environ` goes before the environment.
    """
    spare, journal = descendants(os.getpid()), folder / "journal"
    file = folder / "serve.yaml"
    found = document(budgets, journal, engine=engine)
    change(found)
    file.write_text(yaml.safe_dump(found))
    with EmbeddedRedis(folder / "redis") as store:
        env = {**child_env(os.environ, HOME, store.url), "PYTHONPATH": str(ROOT)}
        env |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": uuid4().hex, "RAY_worker_niceness": "0", **environ}
        argv = [sys.executable, "-m", "deployments.launch", str(file), "--home", str(HOME)]
        with ServingChild(Launch(argv, env, folder / "serve.log", START_S)) as child:
            url = child.wait_ready(lambda _line: None)
            yield Graph(url, file, journal, store, child, frozenset(spare))
