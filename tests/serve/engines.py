"""What the echo tiers of a running graph made: asked from within its Ray, by a process of its own."""

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import psutil

from tests.serve.conftest import ROOT, Cluster

_PROGRAM = """
import json, sys
import ray
from ray import serve
ray.init(address=sys.argv[1], namespace="serve", log_to_driver=False)
tier = serve.get_deployment_handle(sys.argv[2], "leanserve")
for _ in sys.stdin:
    print("FOUND", json.dumps(tier.stats.remote().result(timeout_s=20)), flush=True)
"""


def known_token() -> dict[str, str]:
    """Environment for a graph whose Ray admits who knows the token: give it to `launched`, and to `asking`."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


@contextmanager
def asking(cluster: Cluster, tier: str, token: dict[str, str]) -> Iterator[Callable[[], dict[str, int]]]:
    """Asks for the `EchoStats` of the only replica of a tier's echo backend.

    One process asks for all: to join a Ray takes seconds.
    """
    command = [sys.executable, "-c", _PROGRAM, _address(cluster), f"Tier:{tier}-echo"]
    environment = {**os.environ, **token, "PYTHONPATH": str(ROOT)}
    log = cluster.log.with_name("asking.log")
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        yield partial(_asked, process)
    assert process.returncode == 0, log.read_text()[-3000:]


def _asked(process: subprocess.Popen[str]) -> dict[str, int]:
    assert process.stdin
    assert process.stdout
    print(file=process.stdin, flush=True)
    said = next(line for line in process.stdout if line.startswith("FOUND "))
    found: dict[str, int] = json.loads(said.removeprefix("FOUND "))
    return found


def _address(cluster: Cluster) -> str:
    """Of Ray's head, as its node was told it."""
    found = (re.search(r"--gcs-address=(\S+)", command) for command in _commands(cluster))
    return next(each[1] for each in found if each)


def _commands(cluster: Cluster) -> list[str]:
    """The command lines of all that the launcher started."""
    found = []
    for process in psutil.Process(cluster.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found.append(" ".join(process.cmdline()))
    return found
