"""Lua scripts: sent once, then called by their hash."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
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


def lua(package: str, name: str) -> str:
    """The source of a file in a room's `scripts` folder."""
    return (resources.files(package) / "scripts" / f"{name}.lua").read_text()


def scripts_of(package: str, names: Iterable[str], *prelude: str) -> list[Script]:
    """The scripts of a room by name, each behind what they share: the sources in `prelude`."""
    return [Script("\n".join([*prelude, lua(package, name)])) for name in names]
