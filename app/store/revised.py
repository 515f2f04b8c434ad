"""A small table that every replica keeps whole: a hash in Redis, and beside it a number that counts its changes.

Whoever has read it asks for the number alone, and reads again when that has changed: a state cannot be missed, as a
message can. Changes are on the disk before they are acknowledged.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Generic, TypeVar

from app.errors import StoreUnavailable
from app.store.client import Store
from app.store.keys import Revised
from app.store.scripts import Script

logger = logging.getLogger("leanserve.store")
T = TypeVar("T")

SWAP = Script(
    """
    -- KEYS: the table, its revision; ARGV: the row's id, its text that is expected ('' none), its new text ('' no more)
    local before = redis.call('HGET', KEYS[1], ARGV[1]) or ''
    if before ~= ARGV[2] then return 0 end
    if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
    redis.call('INCR', KEYS[2])
    return 1
    """
)


class RevisedTable(Generic[T]):
    """The table at `key`, its changes counted as `what`, each row read by `decode`.

    A row that cannot be read is not among the `rows` but, as its text, among the `unread`; the log tells of it.

    Use it on one event loop.
    """

    def __init__(self, store: Store, key: str, what: Revised, decode: Callable[[bytes], T]) -> None:
        self._store = store
        self._key = key
        self._counter = store.keys.revision(what)
        self._decode = decode
        self._rows: Mapping[str, T] = {}
        self._unread: Mapping[str, bytes] = {}
        self._revision: bytes | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def known(self) -> bool:
        """Whether it was ever read."""
        return self._revision is not None

    @property
    def rows(self) -> Mapping[str, T]:
        """As last read, by id."""
        return self._rows

    @property
    def unread(self) -> Mapping[str, bytes]:
        """Those of another version, perhaps: their texts, by id."""
        return self._unread

    async def refresh(self) -> bool:
        """Read what has changed; whether anything had. Raises `StoreUnavailable`: what was known stays.

        Who comes while another reads waits for a reading that began after: what was written before the call is seen.
        """
        before = self._revision
        if self._reading is not None:
            await asyncio.wait([self._reading])
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(self._read())
        await asyncio.shield(self._reading)
        return before != self._revision

    async def get(self, row_id: str) -> tuple[T | None, bytes]:
        """A row as it is in Redis now, None where it cannot be read, and its text, for `swap`.

        Raises `StoreUnavailable`.
        """
        text = await self._store.command("HGET", self._key, row_id) or b""
        return (self._read_row(row_id, text) if text else None), text

    async def swap(self, row_id: str, expected: bytes, text: bytes) -> bool:
        """Replace a row's text, on the disk when it returns; false where somebody else changed it meanwhile.

        Empty means none: so a row is added, and taken away. Raises `StoreUnavailable`.
        """
        return bool(await self._store.durable_script(SWAP, [self._key, self._counter], [row_id, expected, text]))

    async def _read(self) -> None:
        revision = await self._store.command("GET", self._counter) or b"0"  # first: read too often, if wrong
        if revision == self._revision:
            return
        found = await self._store.command("HGETALL", self._key)
        texts = {name.decode(): text for name, text in found.items()}
        rows = await asyncio.to_thread(self._decoded, texts)
        self._unread = {name: text for name, text in texts.items() if name not in rows}
        self._rows, self._revision = rows, revision

    def _decoded(self, texts: Mapping[str, bytes]) -> dict[str, T]:
        """Beside the event loop: thousands of rows take milliseconds."""
        rows = {name: self._read_row(name, text) for name, text in texts.items()}
        return {name: row for name, row in rows.items() if row is not None}

    def _read_row(self, name: str, text: bytes) -> T | None:
        try:
            return self._decode(text)
        except Exception as error:
            logger.error("row %s of %s cannot be read: %s", name, self._key, type(error).__name__)
            return None


async def first_read(*tables: "RevisedTable[Any]") -> None:
    """Read `tables`; a store that is away is no error, `known` tells."""
    with suppress(StoreUnavailable):
        for table in tables:
            await table.refresh()
