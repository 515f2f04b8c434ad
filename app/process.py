"""Child processes: how they die with us, and how we stop them. Only ever those that we started."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # linux/prctl.h


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
