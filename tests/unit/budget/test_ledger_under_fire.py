import asyncio
import os
import signal
from pathlib import Path

import pytest
import redis

from app.budget.ledger import RedisBudgetLedger
from app.budget.retrying import RetryingLedger
from app.config.gateway import StoreSpec
from app.domain import Limit, MicroUsd, Reservation, Scope, Unit, Window
from app.store.client import open_store
from app.store.embedded import EmbeddedRedis, free_port

PATIENT = StoreSpec(timeout_s=5)
FREE = MicroUsd(0)


def limit(amount: int, unit: Unit = Unit.TOKENS) -> Limit:
    return Limit(Scope("acme", "tenant", "acme"), unit, amount, Window.TOTAL)


async def test_never_over_with_two_replicas(clean_redis: str) -> None:
    """200 at once from two clients on limits that admit a third: exactly that many, not one more."""
    stores = [await open_store(clean_redis, PATIENT) for _ in range(2)]
    ledgers = [RedisBudgetLedger(store) for store in stores]
    limits = [limit(670), limit(10_000, Unit.MICRO_USD)]
    calls = [ledgers[n % 2].reserve(f"r{n}", "acme", limits, 10, MicroUsd(1)) for n in range(200)]
    answers = await asyncio.gather(*calls)
    granted = [answer for answer in answers if isinstance(answer, Reservation)]
    assert len(granted) == 67
    assert [(b.spent, b.held) for b in await ledgers[1].spent("acme", limits)] == [(0, 670), (0, 67)]
    await asyncio.gather(*(ledgers[0].settle(found, 4, MicroUsd(1)) for found in granted))
    assert [(b.spent, b.held) for b in await ledgers[1].spent("acme", limits)] == [(268, 0), (67, 0)]
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
        tasks = [asyncio.create_task(ledger.reserve(f"r{n}", "acme", [limit(10_000)], 10, FREE)) for n in range(100)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        os.kill(server.pid, signal.SIGKILL)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        granted = [answer for answer in answers if isinstance(answer, Reservation)]
        assert granted
        await store.close()
        server.stop()
        server.start()
        store = await open_store(server.url, PATIENT)
        [booked] = await RedisBudgetLedger(store).spent("acme", [limit(10_000)])
        assert booked.held >= 10 * len(granted)
        await store.close()


async def test_without_limits_no_redis_is_needed(tmp_path: Path) -> None:
    """Nothing to hold, nothing to ask: with a frozen Redis behind it, grant and settlement come at once."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        store = await open_store(server.url, PATIENT)
        ledger = RetryingLedger(RedisBudgetLedger(store))
        os.kill(server.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(1):
                granted = await ledger.reserve("r1", "acme", [], 10, MicroUsd(7))
                assert granted == Reservation("r1", "acme", 10, MicroUsd(7))
                await ledger.settle(granted, 4, MicroUsd(3))
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await store.close()
