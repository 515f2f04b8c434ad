"""`python -m tests.benchmarks.budget`: hard limits on the product as it is deployed, against their goals.

The machine should be idle: whatever else runs on it is in the times. Everything started is stopped at the end.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from app.cli.up import signals_interrupt
from tests.benchmarks import ledger
from tests.benchmarks.budgets import chaos, graph, overrun, path, real, stop
from tests.benchmarks.machine import about
from tests.benchmarks.stand import say, told
from tests.benchmarks.summary import Row, concluded

ON_A_GRAPH = ("path", "overrun", "chaos", "stop")
REAL_STREAMS = 40
NAMES = ("ledger", *ON_A_GRAPH, "vllm")


def main() -> int:
    """Exit code 0 when every goal that was measured is met, else 1."""
    arguments, load = _arguments(), os.getloadavg()
    folder = Path(tempfile.mkdtemp(prefix="budget-"))
    try:
        with signals_interrupt():
            rows = list(map(told, _rows(arguments, folder)))
    except BaseException:
        print(f"the logs are in {folder}", file=sys.stderr)
        raise
    shutil.rmtree(folder)
    facts = about({name: version(name) for name in ("ray", "redis")}, load)
    return concluded(rows, facts, arguments.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="may be given more than once")
    parser.add_argument("--clients", type=int, default=1_000, metavar="N", help="at once, of overrun and chaos")
    parser.add_argument("--rounds", type=int, default=20, metavar="N", help="of chaos")
    parser.add_argument("--ledger-rounds", type=int, default=9, metavar="N")
    parser.add_argument("--streams", type=int, default=200, metavar="N", help="that are stopped")
    parser.add_argument("--requests", type=int, default=100, metavar="N", help="of path, per round and kind")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _rows(arguments: argparse.Namespace, folder: Path) -> Iterator[Row]:
    names = arguments.only or NAMES
    if "ledger" in names:  # first: the graph would be in its times
        yield from ledger.measure(arguments.ledger_rounds, 2)
    if set(names) & set(ON_A_GRAPH):
        yield from _on_a_graph(arguments, names, folder)
    if "vllm" in names:
        real_folder = folder / "vllm"
        real_folder.mkdir()
        say("starting LeanServe with a real engine")
        with graph.running(real_folder, real.rules(REAL_STREAMS), engine=True) as running:
            yield from asyncio.run(real.measure(running, REAL_STREAMS))


def _on_a_graph(arguments: argparse.Namespace, names: Sequence[str], folder: Path) -> Iterator[Row]:
    clients, rounds, streams = arguments.clients, arguments.rounds, arguments.streams
    say("starting LeanServe")
    budgets = [*path.rules(), *overrun.rules(clients), *stop.rules(), *chaos.rules(rounds, clients)]
    with graph.running(folder, budgets) as running:
        if "path" in names:
            say("what limits add to a request's path")
            yield path.measure(running, arguments.requests)
        if "overrun" in names:
            for scene in overrun.SCENES:
                say(f"{clients} at once: {scene.tenant}")
                yield from overrun.rows(scene, asyncio.run(overrun.load(running, scene, clients)))
        if "chaos" in names:
            say(f"{rounds} rounds of {clients} with a kill")
            yield from chaos.rows(asyncio.run(chaos.rounds(running, rounds, clients)))
        if "stop" in names:  # last: it changes the policy
            say(f"stopping {streams} streams")
            yield from asyncio.run(stop.rows(running, streams))


if __name__ == "__main__":
    sys.exit(main())
