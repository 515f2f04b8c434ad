import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import redis as blocking
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from app.store.batches import LARGEST, Batches
from app.store.embedded import EmbeddedRedis
from app.store.scripts import Script

ECHO = Script("return ARGV[1]")
COUNT = Script("return redis.call('INCR', KEYS[1])")
WRONG = Script("return redis.call('NO-SUCH-COMMAND')")


@pytest_asyncio.fixture
async def client(own: EmbeddedRedis) -> AsyncIterator[Redis]:
    async with Redis.from_url(own.url, protocol=2) as client:
        yield client


@pytest_asyncio.fixture
async def batches(client: Redis) -> AsyncIterator[Batches]:
    made = Batches(client, lanes=2, timeout_s=30)
    yield made
    await made.close()


async def test_everybody_hears_their_own_reply(batches: Batches, own: EmbeddedRedis) -> None:
    """However many come in one turn: they share as many connections as there are lanes."""
    words = [b"%d" % number for number in range(3 * LARGEST + 7)]
    assert await asyncio.gather(*(batches.call(ECHO, [], [word]) for word in words)) == words
    with blocking.Redis.from_url(own.url) as admin:
        assert len(admin.client_list()) <= 2 + 1


async def test_what_comes_one_by_one_is_answered(batches: Batches) -> None:
    """A call that nobody joins waits for none."""
    for number in range(5):
        assert await batches.call(COUNT, ["n"], []) == number + 1


async def test_an_error_is_of_its_own_call(batches: Batches) -> None:
    """Redis refuses one script of a batch: the others never know."""
    calls = [batches.call(script, [], ["there"]) for script in (ECHO, WRONG, ECHO, WRONG)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert answers[::2] == [b"there"] * 2
    assert all(isinstance(answer, ResponseError) for answer in answers[1::2])


async def test_who_leaves_takes_nobody_with_them(batches: Batches, own: EmbeddedRedis) -> None:
    """Before the batch is sent, while it is under way, and while it waits for a lane: each hears their own reply."""
    await batches.call(COUNT, ["n"], [])
    os.kill(own.pid, signal.SIGSTOP)
    calls = [batches.call(ECHO, [], [number]) for number in range(4)]
    calls[0].cancel()
    await asyncio.sleep(0.05)
    calls[1].cancel()
    other = [batches.call(ECHO, [], [number]) for number in range(4, 6)]
    await asyncio.sleep(0.05)
    waiting = [batches.call(COUNT, ["n"], []) for _ in range(2)]
    waiting[0].cancel()
    os.kill(own.pid, signal.SIGCONT)
    assert await asyncio.gather(*calls[2:], *other) == [b"2", b"3", b"4", b"5"]
    assert await waiting[1] == 2


async def test_a_server_that_forgot_the_scripts_is_told_them(batches: Batches, client: Redis) -> None:
    """Some of a batch known and some not: every script runs once."""
    for _ in range(2):
        await client.script_flush()
        await batches.call(ECHO, [], ["known"])
        answers = await asyncio.gather(*(batches.call(script, ["n"], ["x"]) for script in (COUNT, ECHO, COUNT)))
        assert answers[1] == b"x"
        assert answers[2] == answers[0] + 1
    assert await client.get("n") == b"4"


async def test_a_dead_server_fails_all_and_a_new_one_serves_all(batches: Batches, own: EmbeddedRedis) -> None:
    """Killed under way: everybody hears of it at once; the next batch has a connection of its own."""
    await batches.call(ECHO, [], ["there"])
    os.kill(own.pid, signal.SIGSTOP)
    calls = [batches.call(ECHO, [], [number]) for number in range(3)]
    await asyncio.sleep(0.05)
    os.kill(own.pid, signal.SIGKILL)
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(answer, RedisConnectionError) for answer in answers)
    own.stop()
    own.start()
    assert await batches.call(ECHO, [], ["there"]) == b"there"


async def test_silence_frees_the_lane(client: Redis, own: EmbeddedRedis) -> None:
    """A batch that nobody answers is given up, and its late reply is nobody's."""
    batches = Batches(client, lanes=1, timeout_s=0.1)
    await batches.call(ECHO, [], ["there"])
    os.kill(own.pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        await batches.call(ECHO, [], ["early"])
    late = batches.call(ECHO, [], ["late"])
    os.kill(own.pid, signal.SIGCONT)
    assert await late == b"late"
    await batches.close()


async def test_closing_leaves_nobody_waiting(client: Redis, own: EmbeddedRedis) -> None:
    """Under way or not yet sent: all hear that the store was closed."""
    batches = Batches(client, lanes=1, timeout_s=30)
    await batches.call(ECHO, [], ["there"])
    os.kill(own.pid, signal.SIGSTOP)
    calls = [batches.call(ECHO, [], ["under way"])]
    await asyncio.sleep(0.05)
    calls.append(batches.call(ECHO, [], ["waiting"]))
    await batches.close()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(answer, RedisConnectionError) for answer in answers)
    os.kill(own.pid, signal.SIGCONT)


async def test_no_reply_before_the_disk_has_it(client: Redis, own: EmbeddedRedis) -> None:
    """All of a batch share one wait; where the disk is late nobody is told that it is safe, except of what failed."""
    with blocking.Redis.from_url(own.url, decode_responses=True) as admin:
        admin.config_set("appendfsync", "everysec")
        patient = Batches(client, lanes=8, timeout_s=30, sync_wait_ms=5_000)
        answers = await asyncio.gather(*(patient.call(COUNT, ["n"], []) for _ in range(LARGEST)))
        assert sorted(answers) == list(range(1, LARGEST + 1))
        assert admin.info("commandstats")["cmdstat_waitaof"]["calls"] <= 2
        admin.config_set("appendfsync", "no")
        hasty = Batches(client, lanes=8, timeout_s=30, sync_wait_ms=1)
        calls = [hasty.call(script, ["n"], []) for script in (COUNT, WRONG)]
        late, wrong = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(late, TimeoutError)
        assert isinstance(wrong, ResponseError)
    await patient.close()
    await hasty.close()
