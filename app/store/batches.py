"""Script calls in batches: what comes together goes together.

A command through redis-py costs 100 µs of the event loop, most of it once for each connection that is taken and each
reply that is waited for. Calls of one turn of the loop, and those that come while all `lanes` are busy, share one
pipeline: 15 to 20 µs each, and one sync of the server's disk for all of them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError

from app.store.scripts import Arg, Script

LARGEST = 16
"""Calls of one batch. Redis reads 16 KiB of a connection in one turn of its own loop (PROTO_IOBUF_LEN of server.h) and
syncs its disk after each: a batch that is longer would wait for two."""


@dataclass(frozen=True, slots=True)
class _Call:
    script: Script
    keys: Sequence[str]
    args: Sequence[Arg]
    reply: asyncio.Future[Any]

    def by_hash(self) -> bytes:
        return _packed("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.args)

    def by_source(self) -> bytes:
        return _packed("EVAL", self.script.source, len(self.keys), *self.keys, *self.args)

    def answer(self, reply: Any) -> None:
        """Whoever left while it was under way hears nothing, and the others of its batch notice nothing."""
        if self.reply.done():
            return
        if isinstance(reply, Exception):
            self.reply.set_exception(reply)
        else:
            self.reply.set_result(reply)


class Batches:
    """Runs scripts on `client`, in at most `lanes` pipelines at a time, each for at most `timeout_s`.

    With `sync_wait_ms` no reply is given before the writes are in the server's append-only file, on its disk.
    """

    def __init__(self, client: Redis, *, lanes: int, timeout_s: float, sync_wait_ms: int = 0) -> None:
        self._pool = client.connection_pool
        self._lanes = lanes
        self._timeout_s = timeout_s
        self._sync_wait_ms = sync_wait_ms
        self._waiting: list[_Call] = []
        self._running: set[asyncio.Task[None]] = set()
        self._due = False

    def call(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> asyncio.Future[Any]:
        """The reply of EVALSHA, of EVAL where the server does not know the script. Cancel it to hear no more.

        Raises redis-py's errors, OSError and TimeoutError. What was sent may be run all the same.
        """
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Call(script, keys, args, reply))
        self._start()
        return reply

    async def close(self) -> None:
        """End what is under way; nobody shall call any more."""
        self._lanes = 0
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for call in self._waiting:
            call.answer(_closed())

    def _start(self) -> None:
        """A task begins with the next turn of the loop, and takes what has come until then."""
        if not self._due and len(self._running) < self._lanes:
            self._due = True
            task = asyncio.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._waiting:
            self._start()

    def _take(self) -> list[_Call]:
        self._due = False
        wanted = [call for call in self._waiting if not call.reply.done()]
        self._waiting = wanted[LARGEST:]
        if self._waiting:
            self._start()
        return wanted[:LARGEST]

    async def _run(self) -> None:
        """A fault of the connection is everybody's; whatever Redis says to one call is that call's alone."""
        calls = self._take()
        fault = _closed()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._talk(calls)
        except Exception as error:
            fault = error
        finally:
            for call in calls:
                call.answer(fault)

    async def _talk(self, calls: list[_Call]) -> None:
        if not calls:
            return
        connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            unknown = await self._round(connection, calls, [call.by_hash() for call in calls])
            if unknown:
                await self._round(connection, unknown, [call.by_source() for call in unknown])
        except BaseException:
            await connection.disconnect(nowait=True)  # its replies belong to nobody
            raise
        finally:
            await self._pool.release(connection)

    async def _round(self, connection: Any, calls: list[_Call], commands: list[bytes]) -> list[_Call]:
        """Those whose script the server does not know. WAITAOF counts its own connection's writes: it goes last."""
        sync = [_packed("WAITAOF", 1, 0, self._sync_wait_ms)] if self._sync_wait_ms else []
        await connection.send_packed_command(b"".join([*commands, *sync]))
        answered = []
        for call in calls:
            reply = await _read(connection)
            answered.append((call, reply))
            if not sync and not isinstance(reply, NoScriptError):
                call.answer(reply)
        late = await _late(connection) if sync else None
        for call, reply in answered if sync else ():
            if not isinstance(reply, NoScriptError):
                call.answer(reply if isinstance(reply, Exception) else late or reply)
        return [call for call, reply in answered if isinstance(reply, NoScriptError)]


def _packed(*words: Arg) -> bytes:
    """A command as the Redis protocol (RESP) writes it: redis-py's own packing takes five times as long."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n%b" % (len(parts), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))


async def _read(connection: Any) -> Any:
    """The next reply; a refusal is one."""
    try:
        return await connection.read_response()
    except ResponseError as refusal:
        return refusal


def _closed() -> Exception:
    return RedisConnectionError("the store was closed")


async def _late(connection: Any) -> Exception | None:
    """Why nobody knows whether the writes survive, if so."""
    synced = await _read(connection)
    if isinstance(synced, Exception):
        return synced
    return None if synced[0] >= 1 else TimeoutError("the append-only file was not synced in time")
