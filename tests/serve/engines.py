"""What the echo tiers of a running graph made: asked from within its Ray, in a process of its own."""

import json
import os
import re
import secrets
import subprocess
import sys
from contextlib import suppress

import psutil

from tests.serve.conftest import ROOT, Cluster

_PROGRAM = """
import json, sys
import ray
from ray import serve
ray.init(address=sys.argv[1], namespace="serve", log_to_driver=False)
print("FOUND", json.dumps(serve.get_deployment_handle(sys.argv[2], "leanserve").stats.remote().result(timeout_s=20)))
"""


def known_token() -> dict[str, str]:
    """Environment for a graph whose Ray admits who knows the token: give it to `launched`, and to `stats`."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def stats(cluster: Cluster, tier: str, token: dict[str, str]) -> dict[str, int]:
    """The `EchoStats` of the only replica of a tier's echo backend."""
    command = [sys.executable, "-c", _PROGRAM, _address(cluster), f"Tier:{tier}-echo"]
    environment = {**os.environ, **token, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
    said = re.search(r"^FOUND (.*)$", done.stdout, re.MULTILINE)
    assert said, done.stderr[-3000:]
    found: dict[str, int] = json.loads(said[1])
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
