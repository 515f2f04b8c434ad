"""Ports for what a cluster listens on: no two clusters of a machine may have one in common."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path

from app.errors import ConfigError

USUAL = 30_000
"""Ray Serve's own first port of ingress replicas, where `configs/grafana/prometheus` looks for them."""
REPLICAS = 100
OTHERS = 4
"""What HAProxy and the proxy behind it listen on besides, whether it is asked for or not."""
SPAN = REPLICAS + 1 + OTHERS
EPHEMERAL = 32_768
"""From here on Linux takes ports for whoever connects (net.ipv4.ip_local_port_range): one that is free now may be taken
in the seconds until a cluster listens on it."""


def first_port() -> int:
    """Of `SPAN` ports: the usual ones for the first LeanServe of this machine, the next for those beside it.

    Each holds a lock as long as its process lives, for a port that is free now may be another's in a moment. Raises
    `ConfigError` where there is no room for one more.
    """
    for first in range(USUAL, EPHEMERAL - SPAN, SPAN):
        if all(map(is_free, range(first, first + SPAN))) and _is_ours(first):
            return first
    raise ConfigError(f"something listens on all ports between {USUAL} and {EPHEMERAL}, or between any {SPAN} of them")


def of_cluster() -> dict[str, str]:
    """Environment for a cluster that has ports of its own: those that Ray Serve fixes by default are in it."""
    first = first_port()
    metrics, stats, http, grpc = range(first + REPLICAS + 1, first + SPAN)
    return {
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(first),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(first + REPLICAS),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(http),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(grpc),
    }


def _is_ours(first: int) -> bool:
    """Whether the lock on these ports is ours now; it is for the rest of this process."""
    path = Path(tempfile.gettempdir()) / f"leanserve-{os.getuid()}-{first}.lock"
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


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of this machine now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # those of a cluster that has just ended are free
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 - as replicas do
        except OSError:
            return False
    return True
