"""The test stand: LeanServe as `leanserve up` starts it, what it is compared with, and all of it gone at the end."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import redis
import yaml

from app.cli.child import Launch, ServingChild
from app.cli.up import child_env
from app.models.pull import resolve
from app.process import descendants, die_with_parent, stop_session
from app.store.embedded import EmbeddedRedis
from tests.benchmarks.processes import command, named
from tests.benchmarks.summary import Row
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".leanserve"
START_S = 300.0


@dataclass(frozen=True, slots=True)
class Stand:
    """LeanServe at `url`, the others below it; `tier` is the configuration of its only tier."""

    url: str
    tier: dict[str, Any]
    env: dict[str, str]
    redis_version: str


def say(text: str) -> None:
    """Progress, beside the table."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def told(row: Row) -> Row:
    """The row, said as soon as it is measured: what comes later may fail."""
    say(" | ".join(row.cells()))
    return row


def document(*, engine: bool) -> dict[str, Any]:
    """`local.yaml` with its small tier only (an echo tier without `engine`), on a free port."""
    name = "local.yaml" if engine else "ci.yaml"
    found: dict[str, Any] = yaml.safe_load((ROOT / "configs" / name).read_text())
    found["http_options"]["port"] = free_port()
    application = found["applications"][0]
    tiers = application["args"]["tiers"]
    del tiers[1:]
    policy = application["deployments"][0]["user_config"]
    policy["prices"] = {tiers[0]["name"]: policy["prices"][tiers[0]["name"]]}
    policy["routing"] = {}
    return found


@contextmanager
def running(
    folder: Path,
    found: dict[str, Any],
    beside: Sequence[str],
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Stand]:
    """Redis, LeanServe as `found` configures it and what it is compared with (`tests.benchmarks.apps`), all ready.

    `environ` goes before the environment.
    """
    file = folder / "serve.yaml"
    file.write_text(yaml.safe_dump(found))
    with EmbeddedRedis(folder / "redis") as store:
        env = {**child_env(os.environ, HOME, store.url), **_ray_token(), "PYTHONPATH": str(ROOT), **environ}
        argv = [sys.executable, "-m", "deployments.launch", str(file), "--home", str(HOME)]
        with ServingChild(Launch(argv, env, folder / "serve.log", START_S)) as child:
            say("starting LeanServe")
            url = child.wait_ready(lambda _line: None)
            say("starting what it is compared with")
            address = _option(named("raylet", descendants(os.getpid())), "--gcs-address")
            subprocess.run(
                [sys.executable, "-m", "tests.benchmarks.apps", address, str(file), *beside],
                env=env,
                cwd=ROOT,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=(folder / "apps.log").open("wb"),
            )
            with redis.Redis.from_url(store.url) as client:
                version = str(client.info("server")["redis_version"])
            yield Stand(url, found["applications"][0]["args"]["tiers"][0], env, version)


@contextmanager
def bare_server(stand: Stand, folder: Path) -> Iterator[tuple[str, int]]:
    """vLLM's own OpenAI server with the tier's engine arguments: its address and process id."""
    llm, port = stand.tier["backends"][0]["llm"], free_port()
    options = {**llm["engine_kwargs"], "served_model_name": stand.tier["model"], "host": "127.0.0.1", "port": port}
    argv = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", resolve(stand.tier["model"], HOME)]
    for name, value in options.items():
        argv += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    say("starting the bare vLLM server")
    with (folder / "bare.log").open("wb") as log:
        process = subprocess.Popen(
            argv,
            env={**stand.env, **llm["runtime_env"]["env_vars"]},
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call, loaded beforehand
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/health", process)
        yield url, process.pid
    finally:
        stop_session(process, 20)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError("the bare vLLM server did not start")


def _ray_token() -> dict[str, str]:
    """A token for this Ray alone: Ray asks everyone who connects for one, and would keep its own in the home folder."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": uuid4().hex}


def _option(pid: int, option: str) -> str:
    found = [word.split("=", 1)[1] for word in command(pid) if word.startswith(f"{option}=")]
    return found[0]
