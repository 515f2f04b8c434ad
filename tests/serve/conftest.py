"""The graph on real Ray Serve, started as `leanserve up` starts it, on echo tiers and the session's real Redis."""

import copy
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
import yaml
from openai import OpenAI

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 240
LOCAL = {"authorization": "Bearer local"}
"""For clients that are not OpenAI's: without any key configured, on loopback, this one opens."""


@dataclass
class Cluster:
    """A running graph and the file that it was started from."""

    url: str
    config: Path
    log: Path
    process: subprocess.Popen[bytes]

    def client(self, **headers: str) -> OpenAI:
        """The official client, without retries."""
        return OpenAI(base_url=f"{self.url}/v1", api_key="local", max_retries=0, default_headers=headers)

    def edit(self, change: Any) -> None:
        """Rewrite the configuration file."""
        document = yaml.safe_load(self.config.read_text())
        change(document)
        self.config.write_text(yaml.safe_dump(document))


def document(name: str = "ci.yaml", **changes: Any) -> dict[str, Any]:
    """A shipped configuration on a free port; `changes` go into its args."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "configs" / name).read_text())
    found = copy.deepcopy(found)
    found["http_options"]["port"] = free_port()
    found["applications"][0]["args"].update(changes)
    return found


DRAINED_AT_ONCE = {"RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0.1"}
"""Environment for a graph that nobody asks any more when it ends."""


def ends_at_once(found: dict[str, Any]) -> dict[str, Any]:
    """The same configuration, whose replicas look ten times a second whether all is answered, instead of every 2 s."""
    args = found["applications"][0]["args"]
    echoes = [
        each.setdefault("serve", {}) for tier in args["tiers"] for each in tier["backends"] if each["kind"] == "echo"
    ]
    for options in (*args["serve"].values(), *echoes):
        options["graceful_shutdown_wait_loop_s"] = 0.1
    return found


def for_few(found: dict[str, Any]) -> None:
    """Make a load test's configuration wait no longer than the product does for what others hold, and end at once.

    Where nobody gives anything back, a crowd takes as long as it may wait.
    """
    del found["applications"][0]["deployments"][0]["user_config"]["spending"]["wait_for_held_s"]
    ends_at_once(found)


@contextmanager
def launched(found: dict[str, Any], folder: Path, redis_url: str, **environ: str) -> Iterator[Cluster]:
    """`python -m deployments.launch` until it is ready; told to stop at the end, and it must obey."""
    config, log = folder / "serve.yaml", folder / "serve.log"
    config.write_text(yaml.safe_dump(found))
    environment = {**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": str(ROOT), **environ}
    command = [sys.executable, "-m", "deployments.launch", str(config), "--home", str(ROOT / ".leanserve")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, cwd=folder, start_new_session=True
        )
    try:
        yield Cluster(_wait_ready(process, log), config, log, process)
    finally:
        _stop(process, log)


def _stop(process: subprocess.Popen[bytes], log: Path) -> None:
    """SIGTERM must end the launcher and all that it started, and clear its folder away."""
    started = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    _, alive = psutil.wait_procs(started, timeout=20)
    text = log.read_text(errors="replace")
    assert "stopped in" in text, text[-3000:]
    assert [each.name() for each in alive if each.is_running()] == []
    if session := re.search(r"^LOGS (\S+?)/ray/", text, re.MULTILINE):
        assert not Path(session[1]).exists()


def _wait_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(r"^READY (\S+)$", log.read_text(errors="replace"), re.MULTILINE):
            return found[1]
        time.sleep(0.2)
    raise AssertionError(f"the graph did not start:\n{log.read_text(errors='replace')[-6000:]}")


INLINE = {"normalizer": "inline", "semantic_cache": "inline", "router": "inline"}


@pytest.fixture(scope="module", params=["deployment", "inline"])
def cluster(
    request: pytest.FixtureRequest, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The same graph in both placements, two ingress replicas each."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()  # the other placement must not answer for this one
    found = document(placement=INLINE if request.param == "inline" else {})
    found["applications"][0]["args"]["serve"]["ingress"]["num_replicas"] = 2
    policy = found["applications"][0]["deployments"][0]["user_config"]
    policy["features"] = {"drafts": {"routing": {"cascade": {"enabled": True}}}}
    with launched(found, tmp_path_factory.mktemp(request.param), redis_url, **_ending(request.param, found)) as running:
        yield running


def _ending(placement: str, found: dict[str, Any]) -> dict[str, str]:
    """One of the two ends as it is shipped, the other at once."""
    if placement == "deployment":
        return {}
    ends_at_once(found)
    return DRAINED_AT_ONCE
