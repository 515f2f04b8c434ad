"""Lua scripts: sent once, then called by their hash."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ResponseError

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

    async def run(self, client: Redis, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        """EVALSHA, and EVAL where the server does not know the script (it restarted)."""
        try:
            return await send(client, "EVALSHA", self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await send(client, "EVAL", self.source, len(keys), *keys, *args)

    async def run_synced(self, client: Redis, keys: Sequence[str], args: Sequence[Arg], wait_ms: int) -> Any:
        """The same, returned only once the append-only file with its writes is on the disk of the server.

        WAITAOF counts the writes of its own connection, so it rides in one pipeline with the script. Raises
        TimeoutError after `wait_ms`: whether the writes survive is then unknown.
        """
        result, synced = await self._with_waitaof(client, ("EVALSHA", self.sha), keys, args, wait_ms)
        if isinstance(result, NoScriptError):
            result, synced = await self._with_waitaof(client, ("EVAL", self.source), keys, args, wait_ms)
        for answer in (result, synced):
            if isinstance(answer, ResponseError):
                raise answer
        if synced[0] < 1:
            raise TimeoutError("the append-only file was not synced in time")
        return result

    @staticmethod
    async def _with_waitaof(
        client: Redis, verb: tuple[str, str], keys: Sequence[str], args: Sequence[Arg], wait_ms: int
    ) -> list[Any]:
        async with client.pipeline(transaction=False) as pipe:
            pipe.execute_command(*verb, len(keys), *keys, *args)
            pipe.execute_command("WAITAOF", 1, 0, wait_ms)
            return await pipe.execute(raise_on_error=False)
