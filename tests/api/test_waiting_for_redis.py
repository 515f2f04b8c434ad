"""Who waits for a limit while Redis freezes: a short one costs nobody the place in line, a long one is told in time."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain import Unit
from app.store.embedded import EmbeddedRedis, free_port
from tests.harness import Running, Setup, eventually, serving, spent_of, tier

WAITING = 6
ONE_AT_A_TIME = {"concurrent": 1, "on_limit": "throttle"}
STORE = {"store": {"timeout_s": 0.3, "cache_timeout_s": 0.3}}
"""Less than Redis freezes for: all who are first in line meet it."""
PATIENCE_S = 2.0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that the test may freeze."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        yield server


def setup(own: EmbeddedRedis) -> Setup:
    """One at a time, each for half a second."""
    tiers = [tier("small", tokens=2, time_to_first_token_ms=500)]
    spending = {"wait_for_store_s": PATIENCE_S, "throttle": {"max_wait_s": 60}}
    policy = {"budgets": [ONE_AT_A_TIME, {"tokens": 10_000}], "spending": spending}
    return Setup(own.url, config={**STORE, "tiers": tiers}, policy=policy)


async def ask(running: Running, number: int) -> int:
    body: Any = {"model": "small", "messages": [{"role": "user", "content": f"number {number}"}]}
    async with httpx.AsyncClient(timeout=90) as http:
        return (await http.post(f"{running.url}/v1/chat/completions", json=body)).status_code


async def ask_all(running: Running) -> list[int]:
    return await asyncio.gather(*(ask(running, number) for number in range(WAITING)))


def frozen_for(own: EmbeddedRedis, running: Running, seconds: float) -> threading.Thread:
    """Freeze Redis once somebody is answered and others wait."""

    def freeze() -> None:
        eventually(lambda: running.backends["small/echo"].stats().started >= 2)
        os.kill(own.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(own.pid, signal.SIGCONT)

    thread = threading.Thread(target=freeze)
    thread.start()
    return thread


def test_who_waits_in_line_waits_for_redis_too(own: EmbeddedRedis) -> None:
    """They had 503, one after the other, for one late answer of the store. Afterwards nothing is held."""
    with serving(setup(own)) as running:
        freezing = frozen_for(own, running, PATIENCE_S / 2)
        assert asyncio.run(ask_all(running)) == [200] * WAITING
        freezing.join()
        assert running.backends["small/echo"].stats().started == WAITING
        assert spent_of(running, Unit.TOKENS) == 4 * WAITING


def test_a_redis_that_stays_away_is_told_to_all_who_wait(own: EmbeddedRedis) -> None:
    """All of them together, not one patience after the other; what the engine made until then is booked."""
    with serving(setup(own)) as running:
        freezing = frozen_for(own, running, 3 * PATIENCE_S)
        began = time.monotonic()
        found = asyncio.run(ask_all(running))
        took = time.monotonic() - began
        freezing.join()
        answered = running.backends["small/echo"].stats().started
        assert sorted(found) == [200] * answered + [503] * (WAITING - answered)
        assert answered < WAITING
        assert took < 3 * PATIENCE_S
        assert spent_of(running, Unit.TOKENS) == 4 * answered
