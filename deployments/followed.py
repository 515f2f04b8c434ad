"""The file of a running application: deployed, and deployed again whenever it becomes another valid one."""

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from app.config.load import ServeFile, check, load
from app.config.policy import Policy
from app.errors import ConfigError

logger = logging.getLogger("leanserve.launch")

ENDS_S = 1.0
"""For the streams that a policy ends, before replicas are replaced: that cuts who is not through."""


class Cluster(Protocol):
    """What runs it."""

    def check(self, document: dict[str, Any]) -> None:
        """Raise `ConfigError` for a document that cannot be deployed."""
        ...

    def deploy(self, document: dict[str, Any]) -> None:
        """Deploy one that was checked, sooner or later."""
        ...

    def tell(self, policy: dict[str, Any], since: float) -> None:
        """Put a policy into force on every replica of the ingress now, as of `since`, in seconds of the epoch."""
        ...


class FollowedFile:
    """One file, and what was deployed of it last."""

    def __init__(
        self, path: Path, file: ServeFile, cluster: Cluster, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._path, self._file, self._cluster, self._sleep = path, file, cluster, sleep
        self._state = self._taken = _state(path)

    def begin(self) -> None:
        """Deploy it for the first time. Raises `ConfigError`."""
        self._cluster.check(self._file.document)
        self._cluster.deploy(self._file.document)

    def meet(self) -> None:
        """Tell nothing: the first call to replicas takes a third of a second."""
        self._tell({}, 0.0)

    def look(self) -> None:
        """Deploy it again if it has changed, and say so; one that cannot be served changes nothing.

        One that changed since the last look is looked at again first: what is half written may be valid, without the
        limits that come last.
        """
        before, self._state = self._state, _state(self._path)
        if self._state == self._taken or self._state != before:
            return
        self._taken = self._state
        try:
            file = load(self._path)
            self._cluster.check(file.document)
        except ConfigError as error:
            print(f"KEPT the configuration that runs: {error}", file=sys.stderr, flush=True)
            return
        self._take(file)
        print(f"RELOADED {self._path}", flush=True)

    def _take(self, file: ServeFile) -> None:
        """A policy is told, for a lowered limit must act on all replicas within a second: Ray Serve would bring it to a
        few of them at a time, and with another graph only once that is up.
        """
        if file.user_config != self._file.user_config and _fits(file.policy, self._file):
            self._tell(file.user_config, time.time())
            if file.gateway != self._file.gateway:
                self._sleep(ENDS_S)
        self._file = file
        self._cluster.deploy(file.document)

    def _tell(self, policy: dict[str, Any], since: float) -> None:
        try:
            self._cluster.tell(policy, since)
        except Exception as error:
            logger.warning("the replicas hear of a policy from Ray Serve only: %s", error)


def _fits(policy: Policy, running: ServeFile) -> bool:
    """One that comes with another graph may name what the graph of now has not: it waits for its own."""
    try:
        check(running.gateway, policy)
    except ConfigError:
        return False
    return True


def _state(path: Path) -> tuple[int, ...]:
    """What changes with the file. Not its time alone: a file system's clock ticks every few milliseconds."""
    try:
        found = path.stat()
    except OSError:  # an editor is replacing it
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
