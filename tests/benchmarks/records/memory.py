"""What a recorder keeps in memory after a million requests: nothing. With a real Redis, which may not grow without end.

Requests of a day pass in minutes: made as a gateway tells them, by users without number, a few under way at any time,
some retried, some lost to a client that left. What is kept is less than what passes, so that old pages must go.
"""

import asyncio
import gc
import os
import random
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.config.gateway import StoreSpec
from app.config.recording import RecordingPolicy
from app.domain.request_id import new_request_id
from app.journey import AttemptRecord, Journey
from app.ledger.posting import Posting
from app.ledger.reading import LedgerReader, named
from app.ledger.record import Against, Anatomy, LedgerRecord
from app.ledger.recorder import Recorder
from app.ledger.rollups import DAY_S
from app.ledger.spool import Spool
from app.store.client import Store, open_record_store
from app.store.embedded import EmbeddedRedis
from tests.benchmarks.processes import memory_mb
from tests.benchmarks.stand import say
from tests.benchmarks.summary import Row
from tests.unit.ledger.journeys import begin, end, ended, journey

GROWTH_MB = 4.0
"""Of a resident set of a hundred: a list of a million numbers would be eight."""
GROWTH_BLOCKS = 2_000
"""Of Python's own memory blocks: one for each request would be a million."""
TENANT = "bench"
USERS, FEATURES, TENANT_KEEPS = 200_000, 40, 50_000
UNDER_WAY = 200
WARM = 20_000
"""Requests until buffers and pools have their sizes: what is resident is compared from there."""
AHEAD = 5_000
"""Records that wait at most: more than Redis takes could not come for long, whatever is measured."""
TURN = 50
"""Requests between two breaths of the loop."""


@dataclass(frozen=True, slots=True)
class Sample:
    """After so many requests: MB of this process and of Redis, Python's blocks and objects, bytes of the spool."""

    requests: int
    rss_mb: float
    blocks: int
    objects: int
    redis_mb: float
    spool_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.requests:,} requests: {self.rss_mb:.1f} MB resident, {self.blocks:,} blocks, {self.objects:,} "
            f"objects; Redis {self.redis_mb:.0f} MB; spool {self.spool_bytes / 1e6:.1f} MB"
        )


class Day:
    """A clock that passes a day in so many requests, and ends now."""

    def __init__(self, requests: int) -> None:
        self._at, self._step = time.time() - DAY_S, DAY_S / requests

    def __call__(self) -> float:
        return self._at

    def pass_on(self) -> None:
        """One request more."""
        self._at += self._step


def measure(requests: int) -> Row:
    """One row; a sample at every tenth."""
    with tempfile.TemporaryDirectory(prefix="records-memory-") as folder, EmbeddedRedis(Path(folder, "redis")) as redis:
        began = time.perf_counter()
        samples, total = asyncio.run(_run(redis, Path(folder, "spool"), requests))
        return _row(samples, total, time.perf_counter() - began)


async def _run(redis: EmbeddedRedis, folder: Path, requests: int) -> tuple[list[Sample], dict[str, int]]:
    clock, store = Day(requests), open_record_store(redis.url, StoreSpec(timeout_s=30))
    spool = Spool(folder)
    recorder = Recorder(spool, Posting(store), describe=_described, replica="r1", delay_s=0.001, clock=clock)
    recorder.reconfigure(RecordingPolicy(keep_days=7, most_records=TENANT_KEEPS))
    sending = asyncio.ensure_future(recorder.run())
    samples, under_way = list[Sample](), deque[tuple[Journey, AttemptRecord]]()
    for number, new in enumerate(_journeys(requests, clock), start=1):
        under_way.append((new, begin(recorder, new)))
        if len(under_way) > UNDER_WAY:
            _over(recorder, *under_way.popleft())
        if number % TURN == 0:
            await _breathe(spool)
        if number % (requests // 10) == 0:
            samples.append(await _sample(number, recorder, spool, store))
            say(str(samples[-1]))
    while under_way:
        _over(recorder, *under_way.popleft())
    sending.cancel()
    await recorder.close(within_s=60)
    cells = await LedgerReader(store).cells(TENANT, "user", time.time() - 3 * DAY_S, time.time() + DAY_S)
    total = named(cells.by()[()])
    await store.close()
    return samples, total


def _journeys(requests: int, clock: Day) -> Iterator[Journey]:
    chosen = random.Random(11)
    for _ in range(requests):
        clock.pass_on()
        user, feature = f"user-{chosen.randrange(USERS)}", f"feature-{chosen.randrange(FEATURES)}"
        yield journey(new_request_id(clock()), TENANT, user=user, feature=feature, session=f"s-{user}")


def _over(recorder: Recorder, of: Journey, attempt: AttemptRecord) -> None:
    """Of ten one is retried, and of ten one was left by its client."""
    lot = int(of.request.id[-1], 16)
    if lot == 0:
        end(recorder, of, attempt, cause="timeout")
        attempt = begin(recorder, of, "large")
    end(recorder, of, attempt, cause="client_left" if lot == 1 else "")
    recorder.ended(of, ended("client_left" if lot == 1 else ""))


def _described(_journey: Journey, record: LedgerRecord) -> tuple[Anatomy, Against]:
    """Something of its own for each."""
    return Anatomy(system=4, user=record.input_tokens - 4), Against(record.micro_usd * 2, record.micro_usd * 2, 0)


async def _breathe(spool: Spool) -> None:
    await asyncio.sleep(0)
    while spool.waiting > AHEAD:
        await asyncio.sleep(0.002)


async def _sample(number: int, recorder: Recorder, spool: Spool, store: Store) -> Sample:
    """With nothing on its way: what stays, not what passes."""
    await recorder.flush()
    gc.collect()
    info = await store.run(lambda client: client.info("memory"))
    size = spool.path.stat().st_size
    blocks, objects = sys.getallocatedblocks(), len(gc.get_objects())
    return Sample(number, memory_mb(os.getpid())["rss"], blocks, objects, info["used_memory"] / 1e6, size)


def _row(samples: Sequence[Sample], total: dict[str, int], seconds: float) -> Row:
    first, last = next((each for each in samples if each.requests >= WARM), samples[0]), samples[-1]
    grown, blocks = last.rss_mb - first.rss_mb, last.blocks - first.blocks
    told = total["requests"] == last.requests
    half = samples[len(samples) // 2 - 1]
    return Row(
        f"memory of the recorder, from {first.requests:,} to {last.requests:,} requests: flat (≤ {GROWTH_MB:g} MB, "
        f"≤ {GROWTH_BLOCKS:,} blocks), each counted once",
        f"{first.rss_mb:.1f} MB",
        f"{last.rss_mb:.1f} MB",
        f"{grown:+.1f} MB, {blocks:+,} blocks; {total['requests']:,} counted",
        grown <= GROWTH_MB and blocks <= GROWTH_BLOCKS and told,
        {"samples": list(samples), "seconds": seconds, "total": total},
        (
            *(f"memory: {each}" for each in (first, half, last)),
            f"memory: {last.requests / seconds:.0f} requests/s, told and booked; Redis keeps {TENANT_KEEPS:,} records",
        ),
    )
