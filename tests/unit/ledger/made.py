"""Ledger records made by hand."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from app.domain.request_id import new_request_id
from app.ledger.posting import Entry
from app.ledger.reading import Cells, LedgerReader, named
from app.ledger.record import AttemptEntry, LedgerRecord
from app.ledger.rollups import DAY_S, View

ENTRY = AttemptEntry("small", "small/echo", "echo-small", input_tokens=10, output_tokens=5, micro_usd=20)
BASE = LedgerRecord(
    id="",
    at=0.0,
    operation="chat",
    tenant="acme",
    team="care",
    feature="faq",
    user="ann",
    session="",
    key="",
    lane="interactive",
    model="auto",
    stream=False,
    tier="small",
    backend="small/echo",
    served="echo-small",
    decided="small",
    reason="easy",
    score=0.1,
    uncertain=False,
    cache="miss",
    cache_reason="",
    outcome="success",
    cause="",
    detail="",
    attempts=(ENTRY,),
    duration_ms=12.0,
)


def record(at: float | None = None, **said: Any) -> LedgerRecord:
    """One answered by `small` with 10 and 5 tokens for 20 micro-dollars, unless the test says otherwise."""
    when = time.time() if at is None else at
    name = said.pop("id", None) or new_request_id(when)
    return msgspec.structs.replace(BASE, id=name, at=int(when * 1000) / 1000, **said)


def entries(records: Sequence[LedgerRecord], first: int = 1) -> list[Entry]:
    """Numbered from `first`."""
    return [Entry.of(number, each) for number, each in enumerate(records, start=first)]


def encoded(one: LedgerRecord) -> bytes:
    """As a spool holds it."""
    return msgspec.msgpack.encode(one)


async def day(reader: LedgerReader, view: View = "feature", tenant: str = "acme", at: float | None = None) -> Cells:
    """The cells of today and the days beside it."""
    now = time.time() if at is None else at
    return await reader.cells(tenant, view, now - DAY_S, now + DAY_S)


async def total(reader: LedgerReader, view: View = "feature", tenant: str = "acme") -> dict[str, int]:
    """The sums of everything that is of these days."""
    return named((await day(reader, view, tenant)).by()[()]) if (await day(reader, view, tenant)).values else {}
