"""Ports for servers that take seconds until they listen, as Ray's and Ray Serve's do."""

import random

from deployments.ports import USUAL, is_free

ABOVE_WORKERS = 20_000
"""`ray start` gives its workers 10002 to 19999, and refuses to start where it is told to use one of them otherwise."""
_given = set[int]()


def free_port() -> int:
    """A port that nobody has now, nor gets by connecting somewhere, nor by asking here once more."""
    while (port := random.randrange(ABOVE_WORKERS, USUAL)) in _given or not is_free(port):
        pass
    _given.add(port)
    return port
