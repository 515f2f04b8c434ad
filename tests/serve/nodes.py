"""Several Ray nodes on this machine, each with a loopback address, temporary files and a process session of its own."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deployments import ports
from tests.ports import free_port
from tests.serve.conftest import ROOT

BIN = Path(sys.executable).parent
START_S = 60
NOBODY_ASKS = ("--include-dashboard=false", "--no-monitor")
"""Processes of a head that these tests have no use for: no node is asked of a cloud."""


NO_LOGS = "--include-log-monitor=false"


@dataclass
class Node:
    """One `ray start --block` and all that it started."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        """What `ray start` said."""
        return (self.folder / "start.log").read_text(errors="replace")

    def replicas(self, deployment: str) -> list[int]:
        """Process ids of a deployment's replicas here."""
        return self.processes(f"ray::ServeReplica:leanserve:{deployment}")

    def processes(self, title: str) -> list[int]:
        """Process ids by the beginning of their title."""
        return [pid for pid in self.pids() if _read(pid, "cmdline").startswith(title)]

    def calls(self, deployment: str) -> int:
        """Calls of `send` that replicas of a deployment logged here."""
        logs = self.folder.glob(f"ray/session_latest/logs/serve/replica_leanserve_{deployment.replace(':', '_')}_*.log")
        return sum(log.read_text().count("CALL send") for log in logs)

    def pids(self) -> list[int]:
        """Everything in this node's session."""
        found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [pid for pid in found if _session(pid) == self.process.pid]

    def kill(self) -> None:
        """As a power cut does."""
        for pid in self.pids():
            _signal(pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Nodes:
    """A head, that runs the ingress, and workers, that run the tiers."""

    environ: dict[str, str] = field(repr=False)
    address: str
    head: Node
    workers: list[Node]

    def replicas(self, deployment: str) -> list[int]:
        """On all workers."""
        return [pid for node in self.workers for pid in node.replicas(deployment)]


@contextmanager
def started(workers: int, redis_url: str) -> Iterator[Nodes]:
    """Nodes that listen on loopback addresses and admit only who has their token; killed in the end."""
    environ, address = _environ(redis_url), f"127.0.0.2:{free_port()}"
    port = address.rpartition(":")[2]
    with ExitStack() as stack:
        front = ["--head", f"--port={port}", '--resources={"front": 1}', *NOBODY_ASKS]
        head = stack.enter_context(_node("127.0.0.2", [*front, f"--ray-client-server-port={free_port()}"], environ))
        _wait(head)
        back = [f"--address={address}", '--resources={"back": 1}']
        nodes = [stack.enter_context(_node(f"127.0.0.{3 + i}", back, environ)) for i in range(workers)]
        for node in nodes:
            _wait(node)
        yield Nodes(environ, address, head, nodes)


def _environ(redis_url: str) -> dict[str, str]:
    """Flags as in cluster.yaml; ports that Serve fixes are moved away from other clusters of this machine."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "REDIS_URL": redis_url,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        **ports.of_cluster(),
    }


@contextmanager
def _node(address: str, options: list[str], environ: dict[str, str]) -> Iterator[Node]:
    folder = Path(tempfile.mkdtemp(prefix="leanserve-"))  # short: Ray's socket paths have 107 characters
    small = ["--num-cpus=1", "--object-store-memory=80000000", f"--temp-dir={folder / 'ray'}", NO_LOGS]
    command = [str(BIN / "ray"), "start", "--block", f"--node-ip-address={address}", *small, *options]
    with (folder / "start.log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
    node = Node(folder, process)
    try:
        yield node
    finally:
        node.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(node: Node) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and node.process.poll() is None:
        if "--block" in node.log:
            return
        time.sleep(0.2)
    raise AssertionError(f"a node did not start:\n{node.log[-4000:]}")


def _session(pid: int) -> int:
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return int(fields[3]) if fields else 0


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
