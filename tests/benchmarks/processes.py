"""What the kernel says of a process: its command, memory, threads and native libraries (Linux)."""

import os
from collections.abc import Iterable
from pathlib import Path

HEAVY = ("torch", "vllm", "transformers", "tokenizers")
"""Packages that an ingress must not load. transformers itself is Python only: tokenizers comes with it."""


def command(pid: int) -> list[str]:
    """Its command line; a process that set its title has only that. Empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0 ").split("\0")
    except OSError:
        return []


def named(name: str, pids: Iterable[int]) -> int:
    """The one process among `pids` whose program or title is `name`. Raises AssertionError unless there is one."""
    found = [pid for pid in pids if (words := command(pid)) and Path(words[0]).name == name]
    assert len(found) == 1, f"{len(found)} processes are called {name}"
    return found[0]


def memory_mb(pid: int) -> dict[str, float]:
    """Resident, proportional and unshared memory in MB (10⁶ bytes): `rss`, `pss`, `uss`."""
    sizes: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":")
        sizes[name] = int(value.split()[0]) * 1024
    unshared = sizes["Private_Clean"] + sizes["Private_Dirty"]
    return {"rss": sizes["Rss"] / 1e6, "pss": sizes["Pss"] / 1e6, "uss": unshared / 1e6}


def heavy_imports(pid: int) -> list[str]:
    """Which of `HEAVY` have a library of theirs mapped."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    return [name for name in HEAVY if f"/site-packages/{name}/" in maps]


def computing(pid: int) -> dict[str, object]:
    """How a process computes: its threads that did at least a tenth of the busiest one's work, and their cores."""
    worked = {thread: cpu_seconds(thread) for thread in Path(f"/proc/{pid}/task").iterdir()}
    busy = [thread for thread, seconds in worked.items() if seconds >= max(worked.values()) / 10]
    return {"busy threads": len(busy), "cores": sorted({_status(thread, "Cpus_allowed_list") for thread in busy})}


def cpu_seconds(folder: Path) -> float:
    """User and system time so far of a process or a thread, by its folder in `/proc`."""
    fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status(thread: Path, name: str) -> str:
    lines = (thread / "status").read_text().splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(f"{name}:"))
