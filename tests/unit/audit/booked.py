"""Seeded traffic in a real Redis."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import msgspec

from app.config.gateway import StoreSpec
from app.ledger.posting import Entry, Posting
from app.ledger.record import LedgerRecord
from app.store.client import open_store
from tests.unit.audit.traffic import START

AT_ONCE = 500


def moved(records: Sequence[LedgerRecord], by_s: float, **said: Any) -> list[LedgerRecord]:
    """The same some seconds later: ids tell their time, and so do pages."""

    def later(record: LedgerRecord) -> LedgerRecord:
        at = record.at + by_s
        name = f"req-{int(at * 1000):012x}{record.id[16:]}"
        return msgspec.structs.replace(record, id=name, at=at, **said)

    return [later(record) for record in records]


def book(redis_url: str, records: Sequence[LedgerRecord]) -> None:
    """As a recorder does."""

    async def post() -> None:
        store = await open_store(redis_url, StoreSpec(timeout_s=10))
        try:
            entries = [Entry.of(number, each) for number, each in enumerate(records, start=1)]
            spool = uuid4().hex
            for at in range(0, len(entries), AT_ONCE):
                await Posting(store).post(spool, entries[at : at + AT_ONCE])
        finally:
            await store.close()

    asyncio.run(post())


def since_start(now: float) -> float:
    """How much later traffic must come to lie in the day that ends `now`."""
    return now - 86_400 - START
