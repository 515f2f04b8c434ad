"""`python -m tests.benchmarks.records`: the ledger's equality, what it costs and what it keeps, against the goals.

The machine should be idle: whatever else runs on it is in the times. Everything started is stopped at the end.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

from app.cli.up import signals_interrupt
from tests.benchmarks import stand
from tests.benchmarks.budgets import graph
from tests.benchmarks.machine import about
from tests.benchmarks.records import load, memory, overhead
from tests.benchmarks.records.said import Said
from tests.benchmarks.records.spans import receiving
from tests.benchmarks.stand import say, told
from tests.benchmarks.summary import Row, concluded

NAMES = ("equality", "overhead", "memory")


def main() -> int:
    """Exit code 0 when every goal that was measured is met, else 1."""
    arguments, machine_load = _arguments(), os.getloadavg()
    folder = Path(tempfile.mkdtemp(prefix="records-"))
    try:
        with signals_interrupt():
            rows = list(map(told, _rows(arguments, folder)))
    except BaseException:
        print(f"the logs are in {folder}", file=sys.stderr)
        raise
    shutil.rmtree(folder)
    facts = about({name: version(name) for name in ("ray", "redis")}, machine_load)
    return concluded(rows, facts, arguments.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="may be given more than once")
    parser.add_argument("--requests", type=int, default=10_000, metavar="N", help="of equality")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="of overhead, for each load")
    parser.add_argument("--pairs", type=int, default=500, metavar="N", help="of overhead, for each load")
    parser.add_argument("--records", type=int, default=1_000_000, metavar="N", help="of memory")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _rows(arguments: argparse.Namespace, folder: Path) -> Iterator[Row]:
    names = arguments.only or NAMES
    if "memory" in names:  # first: nothing else is in its process yet
        yield memory.measure(arguments.records)
    for name, measure in (("overhead", _overhead), ("equality", _equality)):
        if name in names:
            own = folder / name
            own.mkdir()
            yield from measure(arguments, own)


def _overhead(arguments: argparse.Namespace, folder: Path) -> Iterator[Row]:
    with receiving(reads=False) as received:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.url, "LEANSERVE_SPOOL": str(folder / "spool")}
        with stand.running(folder, overhead.document(), ("dark",), environ) as running:
            yield from overhead.measure(running, received, arguments.rounds, arguments.pairs)


def _equality(arguments: argparse.Namespace, folder: Path) -> Iterator[Row]:
    with receiving() as received:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.url, "LEANSERVE_SPOOL": str(folder / "spool")}
        with graph.running(folder, [], change=partial(load.change, received.url), environ=environ) as running:
            say(f"{arguments.requests} requests, an ingress replica is killed")
            yield _equal(asyncio.run(load.run(running, received, arguments.requests, tell=say)))


def _equal(said: Said) -> Row:
    spent = sum(each.micro_usd for each in said.records)
    engines = sum(each.tokens for each in said.made.values())
    return Row(
        f"{len(said.answers):,} requests: ledger = engines = clients = spans = metrics = sums",
        f"engines {engines:,} tokens",
        f"{sum(each.input_tokens + each.output_tokens for each in said.records):,} tokens, {spent:,} micro-USD",
        f"{len(said.wrong)} differ",
        not said.wrong,
        {"wrong": said.wrong, "kinds": dict(said.kinds), "roles": dict(said.roles)},
        (
            f"equality: requests {dict(said.kinds)}, attempts {dict(said.roles)}",
            "equality: records that say that they are estimates, by cause, and what more their engines made in tokens: "
            f"{said.unheard}",
            "equality: what a killed replica had under way is booked as held",
            *said.wrong[:20],
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
