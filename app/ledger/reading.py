"""The ledger read back: records by id and by time, and the sums of a view over hours or days.

Everything is of one tenant, and raises StoreUnavailable.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.ledger.making import came_at
from app.ledger.posting import LedgerScripts, cell_name, minute_of
from app.ledger.record import LedgerRecord
from app.ledger.rollups import MEASURES, SPANS, VIEWS, Span, Values, View
from app.store.client import Store
from app.store.keys import escape

Numbers = NDArray[np.int64]

AT_ONCE = 200
"""Records of one command."""
CELLS_AT_ONCE = 1
"""Hours or days of one script."""
MOST_SPANS = 1_000
"""Hours or days of one question."""

_DECODER = msgspec.msgpack.Decoder(LedgerRecord)


@dataclass(frozen=True, slots=True)
class Cells:
    """The sums of a view in the whole hours or days that lie in, or partly in, a window.

    Row `i` is of the span that begins at `starts[i]` (seconds since 1970) and of `values[which[i]]`, one for each of
    `dimensions`; `numbers[i]` are its sums in the order of `MEASURES`.
    """

    dimensions: tuple[str, ...]
    values: list[Values]
    which: Numbers
    starts: Numbers
    numbers: Numbers

    def by(self, *dimensions: str) -> dict[Values, Numbers]:
        """The sums of all spans by some of the dimensions, in the order asked for; without any, of everything.

        Raises ValueError for a dimension that the view has not.
        """
        places = [self.dimensions.index(name) for name in dimensions]
        groups: dict[Values, int] = {}
        of_value = [groups.setdefault(tuple(value[at] for at in places), len(groups)) for value in self.values]
        sums = np.zeros((len(groups), len(MEASURES)), np.int64)
        np.add.at(sums, np.array(of_value, np.int64)[self.which], self.numbers)
        return dict(zip(groups, sums, strict=True))

    def over_time(self, *dimensions: str) -> dict[int, dict[Values, Numbers]]:
        """The same of each span by itself, by when it begins; a span in which nothing was is absent."""
        return {int(start): self._at(int(start)).by(*dimensions) for start in np.unique(self.starts)}

    def _at(self, start: int) -> "Cells":
        rows = self.starts == start
        kept, which = np.unique(self.which[rows], return_inverse=True)
        values = [self.values[at] for at in kept]
        return Cells(self.dimensions, values, which, self.starts[rows], self.numbers[rows])


def named(sums: Numbers) -> dict[str, int]:
    """Sums by the names of their measures."""
    return dict(zip(MEASURES, map(int, sums), strict=True))


class LedgerReader:
    """Reads from one Redis."""

    def __init__(self, store: Store, scripts: LedgerScripts | None = None) -> None:
        self._store, self._scripts = store, scripts or LedgerScripts.load()

    async def record(self, tenant: str, request_id: str) -> LedgerRecord | None:
        """The record of a request; None where it is not there yet, or no more."""
        at = came_at(request_id, -1.0)
        if at < 0:
            return None
        page = self._page(tenant, minute_of(at))
        return _decode(await self._store.command("HGET", page, escape(request_id)))

    async def records(self, tenant: str, since: float, until: float) -> AsyncGenerator[LedgerRecord, None]:
        """Those of requests that came in [since, until), seconds since 1970, in the order of their ids: of time."""
        pages = self._store.keys.ledger(tenant) + "pages"
        words = ("ZRANGE", pages, minute_of(since), minute_of(until), "BYSCORE")
        for minute in await self._store.command(*words):
            page = self._page(tenant, int(minute))
            ids = sorted(await self._store.command("HKEYS", page))
            for start in range(0, len(ids), AT_ONCE):
                for record in await self._some(page, ids[start : start + AT_ONCE]):
                    if since <= record.at < until:
                        yield record

    async def newest(self, tenant: str, count: int, before: str = "") -> list[LedgerRecord]:
        """The last `count` records, newest first; of those before the request `before`, where that is named."""
        pages = self._store.keys.ledger(tenant) + "pages"
        top, found = minute_of(came_at(before, -60.0)) if before else "+inf", list[LedgerRecord]()
        last = escape(before).encode()
        for minute in await self._store.command("ZRANGE", pages, top, "-inf", "BYSCORE", "REV"):
            page = self._page(tenant, int(minute))
            ids = sorted(await self._store.command("HKEYS", page), reverse=True)
            ids = [each for each in ids if not before or each < last]
            found += await self._some(page, ids[: count - len(found)])
            if len(found) >= count:
                break
        return found

    async def cells(self, tenant: str, view: View, since: float, until: float, span: Span = "day") -> Cells:
        """The sums of `view` in [since, until), seconds since 1970, widened to whole hours or days of UTC.

        Hours are kept for 8 days, days for 400. At most `MOST_SPANS` of them are read, the latest.
        """
        length = SPANS[span]
        first, last = int(since // length), int(-(-until // length))
        numbers = range(max(first, last - MOST_SPANS), last)
        found: list[bytes] = []
        for start in range(0, len(numbers), CELLS_AT_ONCE):
            names = [cell_name(span, number, view) for number in numbers[start : start + CELLS_AT_ONCE]]
            keys = [self._store.keys.ledger(tenant)]
            found += await self._store.script(self._scripts.cells, keys, [8 * len(MEASURES), *names])
        return _cells(VIEWS[view], [number * length for number in numbers], found)

    async def _some(self, page: str, ids: Sequence[bytes]) -> list[LedgerRecord]:
        if not ids:
            return []
        found = await self._store.command("HMGET", page, *ids)
        return [record for each in found if (record := _decode(each))]

    def _page(self, tenant: str, minute: int) -> str:
        return f"{self._store.keys.ledger(tenant)}page:{minute}"


def fitting(since: float, until: float, now: float) -> Span:
    """Hours where they are kept and a window is short enough for them to tell more than days do, else days."""
    week = 7 * SPANS["day"]
    return "hour" if until - since <= week and now - since <= week else "day"


def _decode(value: bytes | None) -> LedgerRecord | None:
    try:
        return None if value is None else _DECODER.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _cells(dimensions: tuple[str, ...], starts: Sequence[int], texts: Sequence[bytes]) -> Cells:
    """Of each span its fields and its sums, as `scripts/cells.lua` gives them."""
    known: dict[bytes, int] = {}
    fields: list[list[bytes]] = [msgspec.msgpack.decode(text) for text in texts[::2]]
    which = [known.setdefault(field, len(known)) for some in fields for field in some]
    values = [tuple(msgspec.msgpack.decode(field)) for field in known]
    numbers = np.frombuffer(b"".join(texts[1::2]), "<i8").reshape(len(which), len(MEASURES))
    began = np.repeat(np.array(starts, np.int64), [len(some) for some in fields])
    return Cells(dimensions, values, np.array(which, np.int64), began, numbers)
