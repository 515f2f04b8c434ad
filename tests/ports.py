"""Ports for servers that take seconds until they listen, as Ray's and Ray Serve's do."""

import random
import socket
from contextlib import suppress

from deployments.ports import USUAL

ABOVE_WORKERS = 20_000
"""`ray start` gives its workers 10002 to 19999, and refuses to start where it is told to use one of them otherwise."""
_given = set[int]()


def free_port() -> int:
    """A loopback port that nobody has now, nor gets by connecting somewhere, nor by asking here once more."""
    with socket.socket() as probe:
        while True:
            port = random.randrange(ABOVE_WORKERS, USUAL)
            if port in _given:
                continue
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                _given.add(port)
                return port
