"""Ports for what a cluster listens on: no two clusters of a machine may have one in common."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path

from app.store.embedded import free_port

USUAL = 30_000
"""Ray Serve's own first port of ingress replicas, where `configs/grafana/prometheus` looks for them."""
REPLICAS = 100


def first_of_replicas() -> int:
    """Of `REPLICAS` ports: the usual ones for the first LeanServe of this machine, others for those beside it.

    The first holds a lock as long as its process lives, for a port that is free now may be another's in a moment.
    """
    if _is_first() and all(map(_is_free, range(USUAL, USUAL + REPLICAS))):
        return USUAL
    return free_port()


def _is_first() -> bool:
    path = Path(tempfile.gettempdir()) / f"leanserve-{os.getuid()}.lock"
    try:
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # those of a cluster that has just ended are free
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 - as replicas do
        except OSError:
            return False
    return True
