"""The client side of the store: every command through one door, which fails fast."""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from app.breaker import BreakerGuard, Permit
from app.config.gateway import StoreSpec
from app.errors import ConfigError, StoreUnavailable
from app.store.batches import Batches
from app.store.inspect import Durability, inspect, warn_of_durability
from app.store.keys import Keys
from app.store.listening import one_timeout, reply_within
from app.store.scripts import Arg, Script, send

logger = logging.getLogger("leanserve.store")
T = TypeVar("T")
Command = Callable[[Redis], Awaitable[T]]

DEFAULT_REDIS_URL = "redis://127.0.0.1:6379/0"
"""Where a Redis is that nobody names."""
MAX_CONNECTIONS = 64
RECORDS_TIMEOUT_S = 2.0
"""For what nobody waits for."""
FAILURES = 3
"""Consecutive failures that open the breaker: a frozen Redis costs three requests a time-out, not each of them."""
RESET_S = 1.0
"""Until the open breaker lets one probe through."""
SYNC_WAIT_MS = 1_500
"""`appendfsync everysec` syncs within a second, two when the disk is behind (redis.io, Redis persistence)."""


LANES = 8
"""Batches of scripts at a time. What waits when Redis has synced its disk runs before it syncs again, so a few small
batches beat one large: with 64 callers on a disk that takes 1 to 3 ms 2,700 reservations a second are made and settled
with 8 lanes of 16, 1,900 with 2 of 128, 1,700 where each call goes by itself."""
SYNC_LANES = 32
"""The same where each waits for the next sync of the disk, up to a second."""
LOST_S = 1.0
"""Until a batch that nobody answers gives its lane free: as long as the breaker rests, and its callers left before."""


class Store:
    """One Redis. Commands go through `run` or `script`; keys come from `keys`.

    Raises StoreUnavailable for everything that Redis can do wrong: late, refused, gone, or its breaker is open.
    """

    def __init__(self, client: Redis, *, keys: Keys, timeout_s: float, breaker: BreakerGuard) -> None:
        self.keys = keys
        self._client = client
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._durability: Durability | None = None
        patience_s = max(LOST_S, 2 * timeout_s)
        self._batches = Batches(client, lanes=LANES, timeout_s=patience_s)
        self._synced = Batches(
            client, lanes=SYNC_LANES, timeout_s=patience_s + SYNC_WAIT_MS / 1000, sync_wait_ms=SYNC_WAIT_MS
        )
        self._replies = 0
        self._warned = False

    async def run(self, command: Command[T], *, timeout_s: float | None = None) -> T:
        """The result of `command(client)` within `timeout_s` (the store's own by default), all waiting included."""
        permit = self._breaker.admit()
        if permit is None:
            raise StoreUnavailable("the store does not answer")
        with permit:
            heard = self._replies
            try:
                async with reply_within(timeout_s or self._timeout_s):
                    result = await command(self._client)
            except (RedisError, OSError) as error:  # OSError: TimeoutError is one
                self._report(permit, error, heard)
                raise StoreUnavailable("the store does not answer") from error
            self._answered(permit)
            return result

    def one_timeout(self) -> AbstractContextManager[None]:
        """A `with` block whose commands share one time-out: a slow store costs its caller that once, not each time."""
        return one_timeout(self._timeout_s)

    def _answered(self, permit: Permit) -> None:
        self._replies += 1
        self._warned = False
        permit.success()

    def _report(self, permit: Permit, error: RedisError | OSError, heard: int) -> None:
        """Only silence counts against the store: not an answer that says no, not a wait while others were answered."""
        if not self._warned:  # once until it answers: a thousand requests may be waiting
            logger.warning("a command of the store failed: %s", type(error).__name__)
        self._warned = True
        if isinstance(error, ResponseError):
            self._answered(permit)
        elif not (isinstance(error, TimeoutError) and self._replies > heard):
            permit.failure()

    async def command(self, *words: Arg) -> Any:
        """Run one command; its reply as redis-py turns it for RESP2, in bytes."""
        return await self.run(lambda client: send(client, *words))

    async def script(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        """Run a Lua script, in one pipeline with those that come in the same turn of the loop."""
        return await self.run(lambda _: self._batches.call(script, keys, args))

    async def durable_script(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        """Run a Lua script; return when its writes would survive a kill of the server, as far as it can do that."""
        if await self.durability() is not Durability.WAITAOF:
            return await self.script(script, keys, args)
        return await self.run(
            lambda _: self._synced.call(script, keys, args), timeout_s=self._timeout_s + SYNC_WAIT_MS / 1000
        )

    async def durability(self) -> Durability:
        """How this server keeps what it granted; asked once. Raises ConfigError for an unusable server."""
        return self._durability or await self.check()

    async def check(self) -> Durability:
        """Ask the server what it is, again. Raises ConfigError for an unusable one."""
        found = await self.run(lambda client: inspect(client, self.keys.beats()))
        if found is not self._durability:
            warn_of_durability(found)
        self._durability = found
        return found

    async def ready(self) -> bool:
        """Whether requests that need the store would be served now."""
        try:
            await self.check()
        except (StoreUnavailable, ConfigError) as error:
            logger.warning("the store is not ready: %s", error)
            return False
        return True

    async def close(self) -> None:
        """Close all connections."""
        await self._batches.close()
        await self._synced.close()
        await self._client.aclose()


async def open_store(url: str, spec: StoreSpec, *, clock: Callable[[], float] = time.monotonic) -> Store:
    """Connect to `url` (`redis://` or `rediss://`, password included) and look at the server.

    A server that does not answer yet is no error: `Store.ready` tells. Raises ConfigError for one that answers and
    lacks what LeanServe needs. `clock` is monotonic, in seconds.
    """
    store = _store(url, spec, "store", spec.timeout_s, clock)
    try:
        await store.check()
    except StoreUnavailable:
        logger.warning("the store does not answer yet")
    except BaseException:
        await store.close()
        raise
    return store


def open_cache_store(url: str, spec: StoreSpec, *, clock: Callable[[], float] = time.monotonic) -> Store:
    """The same Redis for what may be done without: `spec.cache_timeout_s`, connections and a breaker of its own.

    So the cache never waits behind writes that wait for the disk, and its impatience never counts against the ledger.
    Connects with the first command. Raises ConfigError for an address that is none.
    """
    return _store(url, spec, "cache", spec.cache_timeout_s, clock)


def open_grant_store(url: str, spec: StoreSpec, *, clock: Callable[[], float] = time.monotonic) -> Store:
    """The same Redis for the replicas of engines, who read what was granted: in the time of the ledger's own commands.

    In a crowd, or on a slow disk, Redis is later than the cache would wait; an engine whose fuse cannot read is held.
    """
    return _store(url, spec, "grants", spec.timeout_s, clock)


def open_record_store(url: str, spec: StoreSpec, *, clock: Callable[[], float] = time.monotonic) -> Store:
    """The same Redis for what nobody waits for: large writes behind the requests, in time-outs that fit them.

    Connections and a breaker of its own, so that it takes none from them. Connects with the first command.
    """
    return _store(url, spec, "records", max(RECORDS_TIMEOUT_S, spec.timeout_s), clock)


def _store(url: str, spec: StoreSpec, name: str, timeout_s: float, clock: Callable[[], float]) -> Store:
    breaker = BreakerGuard(name, failures=FAILURES, reset_s=RESET_S, clock=clock)
    return Store(_client(url, timeout_s), keys=Keys(spec.prefix), timeout_s=timeout_s, breaker=breaker)


def _client(url: str, timeout_s: float) -> Redis:
    """No retries: they would multiply the time-out. `Store.run` alone bounds a command.

    redis-py's own `socket_timeout` is off: it sends under `asyncio.wait_for`, which in Python 3.11 swallows a
    cancellation that comes as the bytes go out (cpython issue 86296), and with it our time-out.
    """
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=None,
            socket_timeout=None,
            socket_connect_timeout=2 * timeout_s,  # for what is outside of `run`: closing
            retry=Retry(NoBackoff(), 0),
            client_name="leanserve",
            driver_info=None,  # by default each connection reads redis-py's metadata from the disk: 1 ms of the loop
            decode_responses=False,
            protocol=2,
        )
    except ValueError as error:
        raise ConfigError("REDIS_URL is not a Redis address") from error
    return Redis.from_pool(pool)
