"""A Redis that is frozen: limited sessions fail as the ledger does, others go on."""

import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.agents.records import SessionRecords, SessionScripts
from app.agents.sessions import DELAYS_S, Sessions
from app.config.gateway import StoreSpec
from app.config.policy import Policy
from app.domain import Kin
from app.errors import StoreUnavailable
from app.store.client import open_cache_store, open_store
from app.store.embedded import EmbeddedRedis, free_port
from tests.unit.agents.conftest import NOON, TIME_LUA, Room
from tests.unit.agents.transcripts import Agent

SHORT = StoreSpec(timeout_s=0.8, cache_timeout_s=0.2)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that the test may freeze."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        yield server


@pytest.fixture
async def away(own: EmbeddedRedis) -> AsyncIterator[Room]:
    """The room with its two stores, as the ingress has them."""
    store, light = await open_store(own.url, SHORT), open_cache_store(own.url, SHORT)
    room = Room(store)
    room.sessions = Sessions(
        store, light, records=SessionRecords(SessionScripts.load(TIME_LUA)), sleep=Thaw(own, room.sleeps)
    )
    await store.command("SET", "{test}:now", NOON * 1_000_000)
    yield room
    await store.close()
    await light.close()


class Thaw:
    """A sleep during which the server wakes up."""

    def __init__(self, own: EmbeddedRedis, slept: list[float], after: int = 2) -> None:
        self._own, self._slept, self._after = own, slept, after

    async def __call__(self, seconds: float) -> None:
        self._slept.append(seconds)
        if len(self._slept) >= self._after:
            os.kill(self._own.pid, signal.SIGCONT)


@pytest.fixture
def freeze(own: EmbeddedRedis) -> Iterator[Any]:
    """Stop the server's process; it goes on at the end."""
    yield lambda: os.kill(own.pid, signal.SIGSTOP)
    os.kill(own.pid, signal.SIGCONT)


@pytest.mark.parametrize("rules", [{"max_steps": 5}, {"max_seconds": 60}])
async def test_a_limited_session_fails_closed(away: Room, freeze: Any, rules: dict[str, Any]) -> None:
    """503, after the ledger's patience."""
    away.rules(**rules)
    freeze()
    with pytest.raises(StoreUnavailable) as raised:
        await away.begin(Agent().request())
    assert raised.value.http_status == 503


async def test_a_session_without_limits_goes_on(away: Room, freeze: Any, caplog: pytest.LogCaptureFixture) -> None:
    """After the cache's patience, with a warning that holds no name."""
    freeze()
    began = time.perf_counter()
    with caplog.at_level(logging.WARNING, "leanserve.agents"):
        journey = await away.begin(Agent(session="private name").request())
    assert time.perf_counter() - began < 0.7
    assert journey.step
    assert journey.step.lineage == (Kin("private name", ""),)
    assert "cannot be looked up" in caplog.text
    assert "private name" not in caplog.text


async def test_fail_open_lets_a_limited_session_on(away: Room, freeze: Any) -> None:
    """By the operator's word; the limits it is known to have go to the ledger all the same."""
    away.policy = Policy.model_validate({"sessions": {"max_steps": 5}, "spending": {"fail_open": {"tokens": 100}}})
    freeze()
    journey = await away.begin(Agent().request())
    assert journey.step
    assert journey.step.lineage == (Kin("s1", ""),)


async def test_what_was_spent_is_booked_when_redis_is_back(away: Room, freeze: Any) -> None:
    """The step ended while it was away."""
    journey = await away.begin(Agent().request())
    freeze()
    await away.sessions.ended(journey)
    assert away.sleeps == list(DELAYS_S[:2])


async def test_what_cannot_be_booked_is_told_to_the_log(
    away: Room, own: EmbeddedRedis, caplog: pytest.LogCaptureFixture
) -> None:
    """After some tries."""
    journey = await away.begin(Agent().request())
    gone = open_cache_store(f"redis://127.0.0.1:{free_port()}/0", SHORT)
    with caplog.at_level(logging.ERROR, "leanserve.agents"):
        await Sessions(gone, gone, sleep=Thaw(own, away.sleeps)).ended(journey)
    assert away.sleeps == list(DELAYS_S)
    assert "missing in its session's totals" in caplog.text
    await gone.close()
