"""A Redis that is frozen, slow or gone, under load: every client is answered, hardly later, and hits come back."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest
import redis

from app.store.embedded import EmbeddedRedis, free_port
from tests.harness import Running, Setup, eventually, serving

CLIENTS = 50
TIMEOUT_S = 1.5
NOISE_S = 1.4
"""What two shared cores may add, less than a second time-out; how exact it is, `tests.benchmarks.cache` measures."""
SHORT = {"store": {"timeout_s": TIMEOUT_S, "cache_timeout_s": TIMEOUT_S}}
KNOWN = "what is kept before the fault"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that the test may freeze and kill."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        yield server


@pytest.fixture
def running(own: EmbeddedRedis) -> Iterator[Running]:
    """A gateway on it, without limits, that knows one answer."""
    with serving(Setup(own.url, config=SHORT)) as found:
        assert eventually(lambda: ask(found, KNOWN).headers["x-leanserve-cache"] == "exact")
        yield found


def ask(running: Running, text: str) -> httpx.Response:
    """One request."""
    return httpx.post(f"{running.url}/v1/chat/completions", json=body(text), timeout=30)


def body(text: str) -> dict[str, Any]:
    """A plain chat request."""
    return {"model": "auto", "messages": [{"role": "user", "content": text}]}


@dataclass(frozen=True, slots=True)
class Burst:
    """Seconds of the slowest answer of `CLIENTS` at once, and of each one's look into the exact cache."""

    slowest: float
    looks: list[float]


def burst(running: Running, name: str) -> Burst:
    """Every second one asks what is known."""

    async def one(http: httpx.AsyncClient, number: int) -> tuple[float, float]:
        began = time.perf_counter()
        text = KNOWN if number % 2 else f"{name} {number}"
        answer = await http.post(f"{running.url}/v1/chat/completions", json=body(text))
        assert answer.status_code == 200, answer.text
        assert answer.json()["choices"][0]["message"]["content"]
        return time.perf_counter() - began, look(answer)

    async def all_at_once() -> list[tuple[float, float]]:
        async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=CLIENTS)) as http:
            return await asyncio.gather(*(one(http, number) for number in range(CLIENTS)))

    waits, looks = zip(*asyncio.run(all_at_once()), strict=True)
    return Burst(max(waits), sorted(looks))


def look(answer: httpx.Response) -> float:
    """Seconds of its look into the exact cache."""
    [found] = re.findall(r"cache-exact;dur=([\d.]+)", answer.headers["server-timing"])
    return float(found) / 1000


def frozen(own: EmbeddedRedis) -> Callable[[], None]:
    """Stop the server's process; what undoes it."""
    os.kill(own.pid, signal.SIGSTOP)
    return lambda: os.kill(own.pid, signal.SIGCONT)


def paused(own: EmbeddedRedis) -> Callable[[], None]:
    """The server takes commands and answers none, for longer than any burst; only a kill ends that earlier."""
    with redis.Redis.from_url(own.url) as admin:
        admin.client_pause(60_000)
    return partial(restarted, own)


def killed(own: EmbeddedRedis) -> Callable[[], None]:
    """The server is gone; a new one comes on the same port and data."""
    os.kill(own.pid, signal.SIGKILL)
    return partial(restarted, own)


def restarted(own: EmbeddedRedis) -> None:
    """Whatever the old one is doing."""
    with suppress(ProcessLookupError):
        os.kill(own.pid, signal.SIGKILL)
    own.stop()
    own.start()


@pytest.mark.parametrize("fault", [frozen, paused, killed])
def test_under_load_a_fault_costs_one_timeout_then_nothing(
    own: EmbeddedRedis, running: Running, fault: Callable[[EmbeddedRedis], Callable[[], None]]
) -> None:
    """Everybody is answered; a request waits for the cache once, then the breaker is open and nobody does."""
    usual = burst(running, "before").slowest
    heal = fault(own)
    try:
        first, then = burst(running, "first"), burst(running, "then")
        assert first.looks[-1] < TIMEOUT_S + NOISE_S
        assert first.slowest < 2 * usual + TIMEOUT_S + NOISE_S
        assert median(then.looks) < NOISE_S / 10
        assert ask(running, KNOWN).headers["x-leanserve-cache"] == "miss"
    finally:
        heal()
    assert eventually(lambda: ask(running, KNOWN).headers["x-leanserve-cache"] == "exact", timeout_s=15)


@pytest.mark.parametrize("exact", [True, False])
def test_one_request_waits_for_the_cache_once(own: EmbeddedRedis, exact: bool) -> None:
    """The store that was away for one look is not asked again: not by meaning, nor for a model's call to join."""
    with serving(Setup(own.url, config=SHORT, policy={"cache": {"exact": exact}})) as running:
        ask(running, KNOWN)
        heal = frozen(own)
        try:
            began = time.perf_counter()
            assert ask(running, "asked of a frozen store").status_code == 200
            assert TIMEOUT_S < time.perf_counter() - began < 2 * TIMEOUT_S
        finally:
            heal()


def test_a_stall_during_a_burst_is_no_error(own: EmbeddedRedis, running: Running) -> None:
    """Redis stalls for longer than the time-out while requests are under way: answers all the same."""
    with redis.Redis.from_url(own.url) as admin:
        admin.client_pause(int(2_000 * TIMEOUT_S))
    burst(running, "stall")
    assert eventually(lambda: ask(running, KNOWN).headers["x-leanserve-cache"] == "exact", timeout_s=10)


def test_without_limits_a_request_needs_no_redis(own: EmbeddedRedis, running: Running) -> None:
    """Once it is known that none is stored: answers come at once after the breaker opened, and nothing is booked."""
    heal = killed(own)
    try:
        burst(running, "none")
        assert median(burst(running, "none again").looks) < NOISE_S / 10
    finally:
        heal()


def test_a_start_without_redis_lifts_no_stored_limit() -> None:
    """Nobody knows which there are: what could be over one of them is not called."""
    with serving(Setup(f"redis://127.0.0.1:{free_port()}/0", config=SHORT)) as running:
        answer = ask(running, "anything")
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "store_unavailable"
        assert running.backends["small/echo"].stats().started == 0
