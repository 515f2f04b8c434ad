"""Issued keys in Redis: a table of all of them, kept whole in each replica."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import msgspec

from app.access.key import Key
from app.errors import LeanServeError, NotFound, StoreUnavailable
from app.store.client import Store
from app.store.revised import RevisedTable

TRIES = 8
"""Of one change, while others change the same key."""


def encoded(key: Key) -> bytes:
    """A key as it is stored."""
    return msgspec.json.encode(key)


def decoded(text: bytes) -> Key:
    """The key that `encoded` wrote."""
    return msgspec.json.decode(text, type=Key)


class StoredKeys:
    """The issued keys of all tenants. Raises `StoreUnavailable` wherever it asks Redis."""

    def __init__(self, store: Store) -> None:
        self.table = RevisedTable(store, store.keys.issued_keys(), "keys", decoded)

    def get(self, key_id: str) -> Key | None:
        """As last read."""
        return self.table.rows.get(key_id)

    async def all(self) -> list[Key]:
        """As they are now, the oldest first."""
        await self.table.refresh()
        return sorted(self.table.rows.values(), key=lambda key: (key.created, key.id))

    async def add(self, key: Key) -> None:
        """A new one, on the disk when it returns."""
        if not await self.table.swap(key.id, b"", encoded(key)):
            raise LeanServeError("a key of this id exists already")

    async def change(self, key_id: str, change: Callable[[Key], Key]) -> Key:
        """What `change` makes of a key, stored; nothing of what others change meanwhile is lost. Raises `NotFound`."""
        for _ in range(TRIES):
            key, text = await self._found(key_id)
            new = replace(change(key), id=key_id)
            if new == key or await self.table.swap(key_id, text, encoded(new)):
                await self._seen()
                return new
        raise LeanServeError("the key is being changed by too many at once")

    async def delete(self, key_id: str) -> None:
        """Take a key away. Raises `NotFound`."""
        for _ in range(TRIES):
            _, text = await self._found(key_id)
            if await self.table.swap(key_id, text, b""):
                await self._seen()
                return
        raise LeanServeError("the key is being changed by too many at once")

    async def _seen(self) -> None:
        """Here at once, on other replicas in a moment; what is stored holds though the store is away now."""
        with suppress(StoreUnavailable):
            await self.table.refresh()

    async def _found(self, key_id: str) -> tuple[Key, bytes]:
        key, text = await self.table.get(key_id)
        if key is None:
            raise NotFound(f"there is no key {key_id[:40]!r}")
        return key, text
