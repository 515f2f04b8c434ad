import asyncio
import itertools
import os
import random
import signal
import time
from pathlib import Path

import pytest
import redis

from app.budget.ledger import RedisBudgetLedger
from app.budget.retrying import RetryingLedger
from app.config.gateway import StoreSpec
from app.domain import Limit, Period, Reservation, Unit, Window
from app.errors import StoreUnavailable
from app.store.client import open_store
from app.store.embedded import EmbeddedRedis, free_port
from tests.unit.budget.bench import ACME, limit, tokens

PATIENT = StoreSpec(timeout_s=5)


async def test_never_over_with_two_replicas(clean_redis: str) -> None:
    """200 at once from two clients on limits that admit a third: exactly that many, not one more."""
    stores = [await open_store(clean_redis, PATIENT) for _ in range(2)]
    ledgers = [RedisBudgetLedger(store) for store in stores]
    limits = [limit(670), limit(10_000, Unit.MICRO_USD)]
    calls = [ledgers[n % 2].reserve(f"r{n}", ACME, limits, tokens(10, 1)) for n in range(200)]
    answers = await asyncio.gather(*calls)
    granted = [answer for answer in answers if isinstance(answer, Reservation)]
    assert len(granted) == 67
    assert [(b.spent, b.held) for b in await ledgers[1].booked("acme", limits)] == [(0, 670), (0, 67)]
    await asyncio.gather(*(ledgers[0].settle(found, tokens(4, 1)) for found in granted))
    assert [(b.spent, b.held) for b in await ledgers[1].booked("acme", limits)] == [(268, 0), (67, 0)]
    for store in stores:
        await store.close()


@pytest.mark.parametrize("fsync", ["always", "everysec"])
async def test_grants_survive_a_killed_redis(tmp_path: Path, fsync: str) -> None:
    """SIGKILL under load: after the restart, what was granted is in the books, by either way to the disk."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        with redis.Redis.from_url(server.url) as admin:
            admin.config_set("appendfsync", fsync)
        store = await open_store(server.url, PATIENT)
        ledger = RedisBudgetLedger(store)
        tasks = [asyncio.create_task(ledger.reserve(f"r{n}", ACME, [limit(10_000)], tokens(10))) for n in range(100)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        os.kill(server.pid, signal.SIGKILL)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        granted = [answer for answer in answers if isinstance(answer, Reservation)]
        assert granted
        await store.close()
        server.stop()
        server.start()
        store = await open_store(server.url, PATIENT)
        [booked] = await RedisBudgetLedger(store).booked("acme", [limit(10_000)])
        assert booked.held >= 10 * len(granted)
        await store.close()


class Spenders:
    """Requests that reserve, grow and settle without end, on one limit; `spent` is what they were told is booked."""

    def __init__(self, ledgers: list[RetryingLedger], limits: list[Limit]) -> None:
        self.ledgers, self.limits = ledgers, limits
        self.spent: dict[str, int] = {}
        self.failed = 0
        self.over = False

    async def run(self, number: int) -> None:
        """Until it is `over`, also where nothing is left."""
        dice, ledger = random.Random(number), self.ledgers[number % len(self.ledgers)]
        for turn in itertools.count():
            if self.over:
                return
            try:
                granted = await ledger.reserve(f"r{number}-{turn}", ACME, self.limits, tokens(5))
            except StoreUnavailable:
                self.failed += 1
                await asyncio.sleep(0.02)
                continue
            if not isinstance(granted, Reservation):
                await asyncio.sleep(0.02)
                continue
            granted = await self._grow(ledger, granted, dice)
            self.spent[granted.id] = dice.randrange(granted.amounts.input_tokens + 1)
            await ledger.settle(granted, tokens(self.spent[granted.id]))

    async def _grow(self, ledger: RetryingLedger, granted: Reservation, dice: random.Random) -> Reservation:
        """What was not surely granted is not spent."""
        for _ in range(dice.randrange(3)):
            try:
                more = tokens(granted.amounts.input_tokens + 7)
                extended = await ledger.extend(granted, ACME, self.limits, more)
            except StoreUnavailable:
                self.failed += 1
            else:
                granted = extended if isinstance(extended, Reservation) else granted
        return granted


@pytest.mark.parametrize("fsync", ["always", "everysec"])
async def test_books_agree_after_redis_was_killed_under_load(tmp_path: Path, fsync: str) -> None:
    """Killed and restarted three times while two replicas reserve, extend and settle: equal books, nothing overspent.

    What failed was taken back, what was granted survived, and every settlement came through.
    """
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        with redis.Redis.from_url(server.url) as admin:
            admin.config_set("appendfsync", fsync)
        stores = [await open_store(server.url, StoreSpec(timeout_s=1)) for _ in range(2)]
        limits = [limit(1_000_000), limit(3_000, Unit.INPUT_TOKENS, Window(Period.DAY, sliding=True))]
        ledgers = [RetryingLedger(RedisBudgetLedger(store), delays_s=(0.1,) * 150) for store in stores]
        spenders = Spenders(ledgers, limits)
        running = [asyncio.create_task(spenders.run(number)) for number in range(20)]
        for _ in range(3):
            await asyncio.sleep(0.3)
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.to_thread(restart, server, fsync)
        await asyncio.sleep(1.5)
        spenders.over = True
        await asyncio.gather(*running)
        for ledger in ledgers:
            await ledger.drain(15)
        assert spenders.failed
        books = [(each.spent, each.held) for each in await RedisBudgetLedger(stores[0]).booked("acme", limits)]
        assert books == [(sum(spenders.spent.values()), 0)] * 2
        assert sum(spenders.spent.values()) <= 3_000
        for store in stores:
            await store.close()


def restart(server: EmbeddedRedis, fsync: str) -> None:
    """On the same data and with the same setting, which it has only from us."""
    while not server.revive():
        time.sleep(0.01)
    with redis.Redis.from_url(server.url) as admin:
        admin.config_set("appendfsync", fsync)


async def test_without_limits_no_redis_is_needed(tmp_path: Path) -> None:
    """Nothing to hold, nothing to ask: with a frozen Redis behind it, grant and settlement come at once."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        store = await open_store(server.url, PATIENT)
        ledger = RetryingLedger(RedisBudgetLedger(store))
        os.kill(server.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(1):
                granted = await ledger.reserve("r1", ACME, [], tokens(10, 7))
                assert granted == Reservation("r1", "acme", tokens(10, 7))
                await ledger.settle(granted, tokens(4, 3))
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await store.close()
