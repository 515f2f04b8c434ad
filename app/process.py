"""Child processes: how they die with us, and how we stop them. Only ever those that we started."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Set
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h, this one and the next
PR_SET_CHILD_SUBREAPER = 36
POLL_S = 0.05


def die_with_parent(signum: signal.Signals = signal.SIGKILL) -> Callable[[], None] | None:
    """What a forked child runs (`preexec_fn`) so that the kernel signals it when its parent goes, even by SIGKILL.

    Linux only; None elsewhere. The parent is the forking *thread*: start children from one that lives as long as they.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:  # it died before the call: nobody will send the signal
            os._exit(1)

    return arm


def stop(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """SIGTERM, then SIGKILL after `grace_s` seconds; harmless when it has ended. The child is reaped."""
    process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop_session(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """`stop` for a child that leads its own session: what is left of its process group is killed with it."""
    stop(process, grace_s)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # nothing was left


def adopt_orphans() -> None:
    """From now on, descendants whose parent dies become our children, and so stay known (Linux; else nothing).

    Ray's workers and vLLM's engines lead sessions of their own: no process group would hold them all.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)


def sweep(spare: Set[int], grace_s: float) -> None:
    """Wait up to `grace_s` seconds for our descendants to end, all but `spare` and what is below; then kill them."""
    deadline = time.monotonic() + grace_s
    while left := descendants(os.getpid(), spare):
        if time.monotonic() > deadline:
            for pid in left:
                kill(pid)
        time.sleep(POLL_S)


def kill(pid: int) -> None:
    """SIGKILL, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it ended meanwhile


def descendants(root: int, spare: Set[int] = frozenset()) -> set[int]:
    """The living processes below `root`, without those in `spare` and below (Linux; elsewhere none are known)."""
    parents = dict(filter(None, map(parent_of, Path("/proc").glob("[0-9]*"))))
    found: set[int] = set()
    level = {root}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level} - spare
        found |= level
    return found


def parent_of(process: Path) -> tuple[int, int] | None:
    """Process id and parent's id out of `/proc/<pid>/stat`; None for a zombie and for what is gone."""
    try:
        state, parent = (process / "stat").read_text().rsplit(")", 1)[1].split()[:2]  # the name may hold anything
    except (OSError, IndexError):
        return None
    return None if state == "Z" else (int(process.name), int(parent))
