"""Where the replicas of a cluster listen, beside others on the same machine."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.ports import EPHEMERAL, SPAN, USUAL
from tests.serve.conftest import ROOT

ASK = "from deployments.ports import first_port; print(first_port(), flush=True); input()"


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that each took ports, and live."""
    alive: list[subprocess.Popen[str]] = []
    yield alive
    for each in alive:
        each.communicate("\n")


def took(alive: list[subprocess.Popen[str]], folder: Path) -> int:
    """One more; its temporary folder stands for a machine."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    command = [sys.executable, "-c", ASK]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    alive.append(process)
    assert process.stdout
    return int(process.stdout.readline())


def is_heard(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(any(map(is_heard, range(USUAL, USUAL + SPAN))), reason="a LeanServe serves on this machine")
def test_the_first_of_a_machine_has_the_usual_ports(ask: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    """Those that Prometheus is told of; whoever comes while it lives has others, whoever comes afterwards the same."""
    assert took(ask, tmp_path) == USUAL
    assert USUAL + SPAN <= took(ask, tmp_path) <= EPHEMERAL - SPAN
    ask.pop(0).communicate("\n")
    assert took(ask, tmp_path) == USUAL


def test_a_stranger_among_the_usual_ports_is_left_alone(ask: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    """On whatever address it listens."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", USUAL + 50))
        stranger.listen()
        assert took(ask, tmp_path) != USUAL
