"""The file of a running application: deployed, and deployed again whenever it becomes another valid one."""

import logging
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from app.config.load import ServeFile, load
from app.errors import ConfigError

logger = logging.getLogger("leanserve.launch")


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

    def __init__(self, path: Path, file: ServeFile, cluster: Cluster) -> None:
        self._path, self._file, self._cluster = path, file, cluster
        self._modified = _modified(path)

    def begin(self) -> None:
        """Deploy it for the first time. Raises `ConfigError`."""
        self._cluster.check(self._file.document)
        self._cluster.deploy(self._file.document)

    def meet(self) -> None:
        """Tell nothing: the first call to replicas takes a third of a second."""
        self._tell({}, 0.0)

    def look(self) -> None:
        """Deploy it again if it has changed, and say so; one that cannot be served changes nothing."""
        if (modified := _modified(self._path)) == self._modified:
            return
        self._modified = modified
        try:
            file = load(self._path)
            self._cluster.check(file.document)
        except ConfigError as error:
            print(f"KEPT the configuration that runs: {error}", file=sys.stderr, flush=True)
            return
        self._take(file)
        print(f"RELOADED {self._path}", flush=True)

    def _take(self, file: ServeFile) -> None:
        """A policy alone is told: Ray Serve would bring it to a few replicas at a time, and a lowered limit must act on
        all of them within a second. One that comes with another graph waits for it.
        """
        if file.gateway == self._file.gateway and file.user_config != self._file.user_config:
            self._tell(file.user_config, time.time())
        self._file = file
        self._cluster.deploy(file.document)

    def _tell(self, policy: dict[str, Any], since: float) -> None:
        try:
            self._cluster.tell(policy, since)
        except Exception as error:
            logger.warning("the replicas hear of a policy from Ray Serve only: %s", error)


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # an editor is replacing it
        return 0
