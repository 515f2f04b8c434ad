"""The serving process: started, watched until it is ready, and stopped with all that it started."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM

from app.process import adopt_orphans, descendants, die_with_parent, stop_session, sweep

READY = "READY"
"""The launcher's word before its address, at the beginning of a line."""
LOGS = "LOGS"
"""The same before a folder of further logs."""
METRICS = "METRICS"
"""The same before where replicas listen."""
POLL_S = 0.1
ATTEND_S = 1.0


class ChildDied(Exception):
    """The serving process ended by itself, or was not ready in time; `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run: the command, its whole environment, and the file that takes its output.

    `grace_s` is what the child gets between SIGTERM and SIGKILL, `sweep_s` what its orphans get to end by themselves:
    engines of a Ray that was killed took some seconds.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    ready_timeout_s: float = 600
    grace_s: float = 45
    sweep_s: float = 10


class ServingChild:
    """One run of a `Launch`; use it as a context manager, and whatever happens the child is stopped at the end.

    The child leads its own session, so that Ctrl-C in the terminal reaches only us. Killed with SIGKILL ourselves, it
    gets SIGTERM from the kernel (Linux) and has time to stop Ray.
    """

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._log = launch.log

    def __enter__(self) -> "ServingChild":
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._log.exists():
            self._log.replace(self._log.with_name(self._log.name + ".1"))  # of the run before, for who looks for it
        adopt_orphans()
        self._spare = descendants(os.getpid())  # what we had before is not this child's
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, or a test's
                list(self._launch.argv),
                env=dict(self._launch.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(SIGTERM),  # noqa: PLW1509 - one system call, loaded beforehand
            )
        return self

    def __exit__(self, *_: object) -> None:
        stop_session(self._process, self._launch.grace_s)
        sweep(self._spare, self._launch.sweep_s)

    def spare(self, pid: int) -> None:
        """Leave a process alone at the end that we started while the child ran, and what is below it."""
        self._spare = self._spare | {pid}

    def wait_ready(self, tick: Callable[[str], None]) -> str:
        """The address that the child announces. `tick` hears the last line of its log ten times a second.

        Raises ChildDied when the child ends first or the time is over.
        """
        deadline = time.monotonic() + self._launch.ready_timeout_s
        while True:
            ended = self._process.poll()  # before reading: its last lines are in the log when it has ended
            if addresses := self.said(READY):
                return addresses[0]
            if ended is not None:
                raise ChildDied(f"the serving process ended with status {ended} before it was ready")
            if time.monotonic() > deadline:
                raise ChildDied(f"not ready after {self._launch.ready_timeout_s:.0f} s")
            tick("".join(self.log_lines()[-1:]))
            time.sleep(POLL_S)

    def wait(self, attend: Callable[[], None] = lambda: None) -> None:
        """Until the child ends by itself, which raises ChildDied; `attend` is called every second."""
        while True:
            try:
                status = self._process.wait(ATTEND_S)
            except subprocess.TimeoutExpired:
                attend()
            else:
                raise ChildDied(f"the serving process ended with status {status}")

    def log_lines(self) -> list[str]:
        """The log so far."""
        return self._log.read_text(errors="replace").splitlines()

    def said(self, word: str) -> list[str]:
        """What follows `word` on each line of the log that begins with it: others' lines are prefixed or indented."""
        return [line[len(word) :].strip() for line in self.log_lines() if line.startswith(f"{word} ")]
