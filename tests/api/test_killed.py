"""A replica that is killed at the worst of moments: what the budget says was spent is what the ledger says was."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.budget.grants import RedisGrants
from app.budget.leases import RedisLeases
from app.budget.ledger import Booked, RedisBudgetLedger
from app.config.gateway import StoreSpec
from app.domain import Limit, Period, Scope, Unit, Window
from app.ledger.lost import Sweeper
from app.ledger.posting import Posting
from app.ledger.reading import LedgerReader
from app.store.client import Store, open_store
from tests.api.killed import MOMENTS

ROOT = Path(__file__).parents[2]
REPLICA = "import asyncio, sys; from tests.api import killed; asyncio.run(killed.main(*sys.argv[1:]))"


@pytest_asyncio.fixture
async def store(clean_redis: str) -> AsyncIterator[Store]:
    opened = await open_store(clean_redis, StoreSpec(timeout_s=5))
    yield opened
    await opened.close()


@pytest.mark.parametrize("name", MOMENTS)
async def test_the_ledger_says_what_the_budget_says(store: Store, clean_redis: str, tmp_path: Path, name: str) -> None:
    """To the token and the micro-dollar, of requests for which no engine was asked too."""
    command, moment = [sys.executable, "-c", REPLICA, clean_redis, str(tmp_path), name], MOMENTS[name]
    died = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL
    assert await Sweeper([tmp_path], Posting(store), RedisGrants(store).noted).sweep() == 1
    records = [each async for each in LedgerReader(store).records("default", 0, 1e10)]
    tokens, money = await reclaimed(store)
    assert tokens.spent > 0
    assert sum(each.input_tokens + each.output_tokens for each in records) == tokens.spent
    assert sum(each.micro_usd for each in records) == money.spent - moment.others
    [lost] = [each for each in records if each.cause == "lost"]
    assert tuple((each.role, each.cause) for each in lost.attempts) == moment.attempts
    assert (lost.tier, lost.attempts[-1].tier, lost.estimated) == (moment.tier, moment.tier, True)
    assert len(records) == 1 + (moment.of == "shadow")


async def reclaimed(store: Store) -> list[Booked]:
    """Tokens and money in the budget once nothing is held: the dead one gives no sign for half a second."""
    leases, ledger = RedisLeases(store), RedisBudgetLedger(store)
    total = Window(Period.TOTAL)
    limits = [Limit(Scope("default"), unit, 1, total) for unit in (Unit.TOKENS, Unit.MICRO_USD)]
    for _ in range(100):
        await leases.reclaim(dead_after_s=0.5)
        booked = await ledger.booked("default", limits)
        if not any(each.held for each in booked):
            return booked
        await asyncio.sleep(0.05)
    raise AssertionError("something is still held")
