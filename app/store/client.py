"""The client side of the store: every command through one door, which fails fast."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from app.breaker import BreakerGuard, Permit
from app.config.gateway import StoreSpec
from app.errors import ConfigError, StoreUnavailable
from app.store.inspect import Durability, inspect, warn_of_durability
from app.store.keys import Keys
from app.store.scripts import Arg, Script, send

logger = logging.getLogger("leanserve.store")
T = TypeVar("T")
Command = Callable[[Redis], Awaitable[T]]

MAX_CONNECTIONS = 64
FAILURES = 3
"""Consecutive failures that open the breaker: a frozen Redis costs three time-outs, not one for each request."""
RESET_S = 1.0
"""Until the open breaker lets one probe through."""
SYNC_WAIT_MS = 1_500
"""`appendfsync everysec` syncs within a second, two when the disk is behind (redis.io, Redis persistence)."""


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

    async def run(self, command: Command[T], *, timeout_s: float | None = None) -> T:
        """The result of `command(client)` within `timeout_s` (the store's own by default), all waiting included."""
        permit = self._breaker.admit()
        if permit is None:
            raise StoreUnavailable("the store does not answer")
        with permit:
            try:
                async with asyncio.timeout(timeout_s or self._timeout_s):
                    result = await command(self._client)
            except (RedisError, OSError) as error:  # OSError: TimeoutError is one
                _report(permit, error)
                raise StoreUnavailable("the store does not answer") from error
            permit.success()
            return result

    async def command(self, *words: Arg) -> Any:
        """Run one command; its reply as redis-py turns it for RESP2, in bytes."""
        return await self.run(lambda client: send(client, *words))

    async def script(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        """Run a Lua script."""
        return await self.run(lambda client: script.run(client, keys, args))

    async def durable_script(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        """Run a Lua script; return when its writes would survive a kill of the server, as far as it can do that."""
        if await self.durability() is not Durability.WAITAOF:
            return await self.script(script, keys, args)
        return await self.run(
            lambda client: script.run_synced(client, keys, args, SYNC_WAIT_MS),
            timeout_s=self._timeout_s + SYNC_WAIT_MS / 1000,
        )

    async def durability(self) -> Durability:
        """How this server keeps what it granted; asked once. Raises ConfigError for an unusable server."""
        return self._durability or await self.check()

    async def check(self) -> Durability:
        """Ask the server what it is, again. Raises ConfigError for an unusable one."""
        found = await self.run(lambda client: inspect(client, self.keys.tenants()))
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
        await self._client.aclose()


def _report(permit: Permit, error: RedisError | OSError) -> None:
    """An answer that says no is still an answer: only silence counts against the store."""
    logger.warning("a command of the store failed: %s", type(error).__name__)
    if isinstance(error, ResponseError):
        permit.success()
    else:
        permit.failure()


async def open_store(url: str, spec: StoreSpec, *, clock: Callable[[], float] = time.monotonic) -> Store:
    """Connect to `url` (`redis://` or `rediss://`, password included) and look at the server.

    A server that does not answer yet is no error: `Store.ready` tells. Raises ConfigError for one that answers and
    lacks what LeanServe needs. `clock` is monotonic, in seconds.
    """
    breaker = BreakerGuard("store", failures=FAILURES, reset_s=RESET_S, clock=clock)
    store = Store(_client(url, spec), keys=Keys(spec.prefix), timeout_s=spec.timeout_s, breaker=breaker)
    try:
        await store.check()
    except StoreUnavailable:
        logger.warning("the store does not answer yet")
    except BaseException:
        await store.close()
        raise
    return store


def _client(url: str, spec: StoreSpec) -> Redis:
    """No retries: they would multiply the time-out. `Store.run` bounds reads, a wait for the disk excepted."""
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=None,
            socket_timeout=spec.timeout_s + SYNC_WAIT_MS / 1000,
            socket_connect_timeout=spec.timeout_s,
            retry=Retry(NoBackoff(), 0),
            client_name="leanserve",
            decode_responses=False,
            protocol=2,
        )
    except ValueError as error:
        raise ConfigError("REDIS_URL is not a Redis address") from error
    return Redis.from_pool(pool)
