"""Lua scripts: sent once, then called by their hash."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from redis.asyncio import Redis

Arg = str | int | bytes


async def send(client: Redis, *words: Arg) -> Any:
    """One command, its reply as it comes."""
    return await client.execute_command(*words)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Script:
    """One Lua script. `source` holds no values: those come as KEYS and ARGV."""

    source: str

    @cached_property
    def sha(self) -> str:
        """What EVALSHA calls it."""
        return hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()
