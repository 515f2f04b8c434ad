"""What kind of Redis is this: may it be used at all, and is what it acknowledged on its disk?"""

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from app.errors import ConfigError

logger = logging.getLogger("leanserve.store")

OLDEST = (8, 2)
"""The first stable release with quantized vector sets; 8.0 calls them a beta."""


class Durability(StrEnum):
    """How a write gets to the disk before its grant is given."""

    ALWAYS = "always"  # appendfsync always: nothing to do
    WAITAOF = "waitaof"  # wait for the next sync, up to a second under `everysec`
    NONE = "none"  # no append-only file: a Redis that dies forgets grants


async def inspect(client: Redis, probe_key: str) -> Durability:
    """Ask the server. Raises ConfigError for one that lacks what LeanServe needs, redis errors when it is away."""
    async with client.pipeline(transaction=False) as pipe:
        pipe.info("server")
        pipe.execute_command("VCARD", probe_key)
        pipe.config_get("appendonly", "appendfsync", "maxmemory", "maxmemory-policy")
        pipe.execute_command("WAITAOF", 1, 0, 1)
        info, vectors, config, synced = await pipe.execute(raise_on_error=False)
    _check_version(_answered(info), vectors)
    settings = config if isinstance(config, Mapping) else {}  # managed servers refuse CONFIG
    _warn_of_eviction(settings)
    if settings.get("appendonly") == "yes" and settings.get("appendfsync") == "always":
        return Durability.ALWAYS
    return Durability.NONE if isinstance(synced, ResponseError) else Durability.WAITAOF


def warn_of_durability(durability: Durability) -> None:
    """Say once what a server's settings cost."""
    if durability is Durability.WAITAOF:
        logger.warning("Redis syncs its append-only file late: each grant waits for it; set `appendfsync always`")
    if durability is Durability.NONE:
        logger.warning("Redis has no append-only file: budgets are not durable, a restart forgets what was spent")


def _answered(answer: Any) -> Any:
    if isinstance(answer, RedisConnectionError):
        raise answer
    return answer


def _check_version(info: Any, vectors: Any) -> None:
    version = str(info.get("redis_version", "")) if isinstance(info, Mapping) else ""
    known = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if known and known < OLDEST:
        raise ConfigError(f"Redis {version} is too old: LeanServe needs 8.2 or newer, for vector sets")
    if isinstance(vectors, ResponseError) and "unknown command" in str(vectors).lower():
        raise ConfigError(f"this Redis ({version or 'of unknown version'}) was built without vector sets")


def _warn_of_eviction(settings: Mapping[str, str]) -> None:
    """Evicted counters are forgotten spending."""
    if settings.get("maxmemory", "0") != "0" and settings.get("maxmemory-policy") != "noeviction":
        logger.warning("Redis may evict budget counters: set `maxmemory-policy noeviction`")
