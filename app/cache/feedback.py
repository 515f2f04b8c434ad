"""Reports of right and wrong hits: a wrong entry goes, and the pair is kept for calibration."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.cache.catalogue import Catalogue, day
from app.cache.entries import decode_entry
from app.cache.invalidate import is_entry_id
from app.cache.journal import DELAY_S, CacheJournal
from app.cache.served import SERVED_S, Served, decode_served
from app.errors import NotFound
from app.store.client import Store
from app.store.keys import escape
from app.store.scripts import Arg

MOST_PAIRS = 10_000
"""Pairs that are kept for a tenant; the oldest go."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a client says of a hit, which it names by the request or by the entry."""

    correct: bool
    request_id: str = ""
    entry_id: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """What came of a report. `news` is false for one that had been made before: it changed nothing."""

    entry_id: str
    news: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Two prompts and whether one answer serves both (`label` 1) or not (0). `id` orders the pairs of a tenant."""

    id: str
    a: str
    b: str
    label: int
    similarity: float | None
    p_same: float | None
    comment: str


class Feedback:
    """Reports of one tenant's hits. `clock` is seconds since 1970. Raises StoreUnavailable."""

    def __init__(
        self,
        store: Store,
        journal: CacheJournal,
        *,
        clock: Callable[[], float] = time.time,
        patience_s: float = DELAY_S,
    ) -> None:
        self._store = store
        self._journal = journal
        self._catalogue = Catalogue(store)
        self._clock = clock
        self._patience_s = patience_s

    async def report(self, tenant: str, report: Report) -> Reported:
        """Take a report, once. Raises `NotFound` for a hit that is not known, or not any more.

        By the request's id the pair of prompts is known as well; by the entry's, only the entry goes.
        """
        if report.request_id:
            served = await self._served(tenant, report.request_id)
            return await self._note(tenant, report, served.entry_id, _pair(served, report))
        if not await self._is_known(tenant, report.entry_id):
            raise NotFound("there is no such entry", "entry_id")
        return await self._note(tenant, report, report.entry_id, [])

    async def pairs(self, tenant: str, after: str = "", limit: int = 1_000) -> list[Pair]:
        """The pairs that were reported, oldest first, from the one behind `after` on."""
        start = f"({after}" if after else "-"
        key = self._store.keys.cache(tenant) + "feedback"
        found = await self._store.command("XRANGE", key, start, "+", "COUNT", limit)
        return [_read(pair_id, fields) for pair_id, fields in found]

    async def _note(self, tenant: str, report: Report, entry_id: str, pair: list[Arg]) -> Reported:
        label = int(report.correct)
        kept: list[Arg] = [SERVED_S, day(self._clock()), MOST_PAIRS]
        args: list[Arg] = [bytes.fromhex(entry_id), _mark(report), label, *kept, *pair]
        return Reported(entry_id, await self._catalogue.report(tenant, args))

    async def _served(self, tenant: str, request_id: str) -> Served:
        """The record of a hit. A report may be quicker than the journal, which is written behind the answers."""
        await self._journal.flush()
        for wait_s in (2 * self._patience_s, 0):
            value = await self._store.command("GET", self._store.keys.served(tenant, request_id))
            if value and (served := decode_served(value)):
                return served
            await asyncio.sleep(wait_s)
        raise NotFound("no semantic hit of the last day has this request id", "request_id")

    async def _is_known(self, tenant: str, entry_id: str) -> bool:
        """Whether the entry is there, or was reported before."""
        if not is_entry_id(entry_id):
            return False
        keys = self._store.keys
        if await self._store.command("EXISTS", f"{keys.cache(tenant)}report:entry:{entry_id}"):
            return True
        value = await self._store.command("GET", keys.entry(tenant, entry_id))
        return value is not None and decode_entry(value, entry_id) is not None


def _mark(report: Report) -> str:
    return f"request:{escape(report.request_id)}" if report.request_id else f"entry:{report.entry_id}"


def _pair(served: Served, report: Report) -> list[Arg]:
    p_same = "" if served.p_same is None else repr(served.p_same)
    pair: dict[str, str | int] = {"a": served.stored, "b": served.asked, "label": int(report.correct)}
    pair |= {"similarity": repr(served.similarity), "p_same": p_same, "comment": report.comment}
    return [word for field in pair.items() for word in field]


def _read(pair_id: bytes, fields: Mapping[bytes, bytes]) -> Pair:
    told = {name.decode(): value.decode("utf-8", "replace") for name, value in fields.items()}
    similarity, p_same = (float(told[name]) if told.get(name) else None for name in ("similarity", "p_same"))
    a, b, comment = (told.get(name, "") for name in ("a", "b", "comment"))
    return Pair(pair_id.decode(), a, b, int(told.get("label", "0")), similarity, p_same, comment)
