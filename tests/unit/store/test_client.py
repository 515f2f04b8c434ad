import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator

import pytest
import redis

from app.config.gateway import StoreSpec
from app.errors import ConfigError, StoreUnavailable
from app.store.client import FAILURES, Store, open_store
from app.store.embedded import EmbeddedRedis, free_port
from app.store.inspect import Durability
from app.store.scripts import Script

SHORT = StoreSpec(timeout_s=1)
"""Twenty commands need less even on a busy machine, and 'at once' is far below it."""
AT_ONCE_S = 0.3
PATIENT = StoreSpec(timeout_s=5)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def fails(store: Store) -> float:
    """Seconds until a command was refused."""
    began = time.perf_counter()
    with pytest.raises(StoreUnavailable):
        await store.command("PING")
    return time.perf_counter() - began


async def test_a_frozen_redis_fails_in_time_then_at_once(own: EmbeddedRedis) -> None:
    """Each of the first failures costs one time-out; then the breaker answers without asking, until its probe."""
    clock = Clock()
    store = await open_store(own.url, SHORT, clock=clock)
    await store.command("SET", "a", "1")
    os.kill(own.pid, signal.SIGSTOP)
    try:
        waits = [await fails(store) for _ in range(FAILURES)]
        assert all(0.99 < wait < 1.9 for wait in waits)
        assert max([await fails(store) for _ in range(20)]) < AT_ONCE_S
        assert await store.ready() is False
    finally:
        os.kill(own.pid, signal.SIGCONT)
    assert await fails(store) < AT_ONCE_S
    clock.now += 60
    assert await store.command("GET", "a") == b"1"
    await store.close()


async def test_replies_never_cross_after_a_timeout(own: EmbeddedRedis) -> None:
    """A connection whose reply was not awaited is not used again: its late reply belongs to nobody."""
    clock = Clock()
    store = await open_store(own.url, SHORT, clock=clock)
    await asyncio.gather(*(store.command("SET", f"k{number}", number) for number in range(20)))
    os.kill(own.pid, signal.SIGSTOP)
    calls = [store.command("GET", f"k{number}") for number in range(20)]
    await asyncio.gather(*calls, return_exceptions=True)
    os.kill(own.pid, signal.SIGCONT)
    clock.now += 60
    assert await store.command("ECHO", "there") == b"there"
    values = await asyncio.gather(*(store.command("GET", f"k{number}") for number in range(20)))
    assert values == [str(number).encode() for number in range(20)]
    await store.close()


async def test_a_client_that_leaves_opens_no_breaker(own: EmbeddedRedis) -> None:
    """Cancelled callers say nothing about the store, however many they are."""
    store = await open_store(own.url, PATIENT)
    os.kill(own.pid, signal.SIGSTOP)
    tasks = [asyncio.create_task(store.command("PING")) for _ in range(FAILURES * 3)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    os.kill(own.pid, signal.SIGCONT)
    assert await store.command("ECHO", "there") == b"there"
    await store.close()


async def test_a_refused_command_is_an_answer(store: Store) -> None:
    """Redis says no to a wrong command as often as it likes: it is there, and the breaker stays closed."""
    for _ in range(FAILURES * 2):
        with pytest.raises(StoreUnavailable):
            await store.command("NO-SUCH-COMMAND")
    assert await store.command("ECHO", "there") == b"there"


async def test_an_absent_redis_is_no_crash_at_start() -> None:
    """The gateway starts without its store; readiness tells, and commands fail as unavailable."""
    store = await open_store(f"redis://127.0.0.1:{free_port()}/0", SHORT)
    assert await store.ready() is False
    await fails(store)
    await store.close()


async def test_it_comes_back_after_a_kill(own: EmbeddedRedis) -> None:
    """A killed and restarted Redis is used again without a restart of ours, scripts included."""
    clock = Clock()
    store = await open_store(own.url, PATIENT, clock=clock)
    script = Script("return redis.call('INCR', KEYS[1])")
    assert await store.script(script, ["n"], []) == 1
    os.kill(own.pid, signal.SIGKILL)
    for _ in range(FAILURES):
        await fails(store)
    own.stop()
    own.start()
    clock.now += 60
    assert await store.script(script, ["n"], []) == 2
    assert await store.ready() is True
    await store.close()


async def test_connections_that_died_idle_are_no_failures(own: EmbeddedRedis) -> None:
    """After a restart in a quiet minute, the first commands already succeed: dead connections are seen before use."""
    store = await open_store(own.url, PATIENT)
    await asyncio.gather(*(store.command("ECHO", "x") for _ in range(20)))
    own.stop()
    own.start()
    await asyncio.sleep(0.05)  # the restart held up the loop: now it hears that the connections ended
    assert await asyncio.gather(*(store.command("ECHO", "x") for _ in range(20))) == [b"x"] * 20
    await store.close()


async def test_an_old_server_is_a_configuration_error(old_redis: str) -> None:
    """A server without vector sets is named at start, not at the first request."""
    with pytest.raises(ConfigError, match="too old"):
        await open_store(old_redis, PATIENT)


@pytest.mark.parametrize("url", ["http://localhost", "localhost:6379", ""])
async def test_a_wrong_address_is_a_configuration_error(url: str) -> None:
    """The message does not repeat the address: it may hold a password."""
    with pytest.raises(ConfigError, match="not a Redis address"):
        await open_store(url, PATIENT)


async def test_tls_is_spoken_by_url() -> None:
    """`rediss://` begins with a TLS handshake (record type 22)."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.read(1))
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        store = await open_store(f"rediss://:secret@127.0.0.1:{port}/0", SHORT)
        assert heard.get_nowait() == b"\x16"
        await store.close()


async def test_a_password_comes_by_url(own: EmbeddedRedis, caplog: pytest.LogCaptureFixture) -> None:
    """With it, the store works; without, it is not ready. It is in no log."""
    with redis.Redis.from_url(own.url) as admin:
        admin.config_set("requirepass", "s3cret")
    without = await open_store(own.url, SHORT)
    assert await without.ready() is False
    store = await open_store(own.url.replace("redis://", "redis://:s3cret@"), PATIENT)
    assert await store.command("ECHO", "there") == b"there"
    assert "s3cret" not in caplog.text
    await without.close()
    await store.close()


@pytest.mark.parametrize(
    ("settings", "durability", "warning"),
    [
        ({}, Durability.ALWAYS, ""),
        ({"appendfsync": "everysec"}, Durability.WAITAOF, "waits for it"),
        ({"appendonly": "no"}, Durability.NONE, "not durable"),
        ({"maxmemory": "1gb", "maxmemory-policy": "allkeys-lru"}, Durability.ALWAYS, "evict"),
    ],
)
async def test_durability_is_what_the_server_says(
    own: EmbeddedRedis,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, str],
    durability: Durability,
    warning: str,
) -> None:
    """`always` is durable by itself, other append-only files by waiting, none not at all: said once."""
    with redis.Redis.from_url(own.url) as admin:
        for name, value in settings.items():
            admin.config_set(name, value)
    store = await open_store(own.url, PATIENT)
    assert await store.durability() is durability
    assert warning in caplog.text
    assert bool(warning) == bool(caplog.text)
    await store.close()


@pytest.mark.parametrize(("fsync", "waits"), [("everysec", 1), ("always", 0)])
async def test_a_durable_script_waits_for_the_disk(own: EmbeddedRedis, fsync: str, waits: int) -> None:
    """Under `everysec` the reply comes after a WAITAOF, also where the script had to be sent; `always` needs none.

    That it was called is all that can be seen: a killed process loses nothing that the kernel has, only power does.
    """
    with redis.Redis.from_url(own.url, decode_responses=True) as admin:
        admin.config_set("appendfsync", fsync)
        store = await open_store(own.url, PATIENT)
        script = Script("return redis.call('INCR', KEYS[1])")
        assert await store.durable_script(script, ["n"], []) == 1
        before = admin.info("commandstats").get("cmdstat_waitaof", {"calls": 0})["calls"]
        assert await store.durable_script(script, ["n"], []) == 2
        after = admin.info("commandstats").get("cmdstat_waitaof", {"calls": 0})["calls"]
        assert after - before == waits
    await store.close()


@pytest.fixture
def old_redis() -> Iterator[str]:
    """A server that says it is Redis 7: enough of the protocol for the look at start."""
    info = b"# Server\r\nredis_version:7.0.15\r\n"
    replies = {b"INFO": b"$%d\r\n%s\r\n" % (len(info), info), b"VCARD": b"-ERR unknown command 'VCARD'\r\n"}
    listener = socket.create_server(("127.0.0.1", 0))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                await reader.readline()
                words.append((await reader.readline()).strip())
            writer.write(replies.get(words[0].upper(), b"+OK\r\n"))
            await writer.drain()

    import threading

    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.start_server(serve, sock=listener))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
