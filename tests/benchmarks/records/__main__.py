"""`python -m tests.benchmarks.records`: the ledger beside spans and engines under a mixed load with a kill.

The machine should be idle. Everything started is stopped at the end.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from app.cli.up import signals_interrupt
from tests.benchmarks.budgets import graph
from tests.benchmarks.records import load
from tests.benchmarks.records.spans import receiving
from tests.benchmarks.stand import say


def main() -> int:
    """Exit code 0 where everything agrees, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, metavar="N")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="records-"))
    with signals_interrupt(), receiving() as received:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.url, "LEANSERVE_SPOOL": str(folder / "spool")}
        with graph.running(folder, [], change=partial(load.change, received.url), environ=environ) as running:
            say(f"{arguments.requests} requests, an ingress replica is killed")
            said = asyncio.run(load.run(running, received, arguments.requests))
    shutil.rmtree(folder)
    spent = sum(each.micro_usd for each in said.records)
    print(f"records {len(said.records)}, micro-USD {spent}, {dict(said.kinds)}")
    print("\n".join(said.wrong) or "ledger = engines = clients = spans = sums")
    return 1 if said.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
