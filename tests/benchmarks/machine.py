"""What must stand beside a figure: when, on which machine, with which versions, how busy it was."""

import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path

from app import __version__


def about(versions: Mapping[str, str], load: tuple[float, float, float]) -> dict[str, str]:
    """For the lines below a table. `load` is the machine's before anything was measured."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    named = {**versions, "leanserve": __version__, "python": platform.python_version()}
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "versions": ", ".join(f"{name} {found}" for name, found in named.items()),
        "machine": f"{cpu[0] if cpu else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB",
        "load before, and 1 minute's after": "{:.2f} {:.2f} {:.2f}, {:.2f}".format(*load, os.getloadavg()[0]),
    }
