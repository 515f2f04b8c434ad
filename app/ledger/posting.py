"""Books records in Redis: pages of them, and their sums. Whatever is sent twice, each counts once."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from app.config.recording import RecordingPolicy
from app.ledger.record import LedgerRecord
from app.ledger.rollups import BOUNDS, KEEP_S, Cell, View, cells, encode_amounts, fields_of
from app.store.client import Store
from app.store.keys import escape
from app.store.scripts import Arg, Script, lua, scripts_of

DAY_S = 86_400
SPOOL_KNOWN_S = 90 * DAY_S
"""A spool that lay on a machine that was off for longer could be booked a second time."""
AT_ONCE = 64
"""Records of one script: it takes Redis about a millisecond, for which it serves nobody else."""


@dataclass(frozen=True, slots=True)
class LedgerScripts:
    """The Lua of this room, ready to run; each file says what it takes and gives."""

    post: Script
    cells: Script
    outcome: Script
    told: Script

    @classmethod
    def load(cls, time_lua: str | None = None) -> "LedgerScripts":
        """Read the files beside this one. `time_lua` replaces the clock: Lua that defines `now_us()`."""
        prelude = time_lua or lua("app.budget", "time"), lua(__package__, "ledger")
        return cls(*scripts_of(__package__, ("post", "cells", "outcome", "told"), *prelude))


@dataclass(frozen=True, slots=True)
class Entry:
    """A record under its number in a spool, and as it is kept."""

    number: int
    record: LedgerRecord
    payload: bytes

    @classmethod
    def of(cls, number: int, record: LedgerRecord) -> "Entry":
        """Encoded here."""
        return cls(number, record, msgspec.msgpack.encode(record))


class Posting:
    """Books entries of any spool. `policy` says how long records stay. Raises StoreUnavailable.

    `bounds` are those of the views' cells.
    """

    def __init__(
        self, store: Store, *, scripts: LedgerScripts | None = None, bounds: Mapping[View, int] = BOUNDS
    ) -> None:
        self.policy = RecordingPolicy()
        self._store = store
        self._scripts = scripts or LedgerScripts.load()
        self._bounds = bounds

    async def post(self, spool: str, entries: Sequence[Entry]) -> None:
        """Book all of them, in the order of their numbers; those that are booked already change nothing."""
        tenants: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            tenants[entry.record.tenant].append(entry)
        found = await asyncio.gather(*(self._of(*each, spool) for each in tenants.items()), return_exceptions=True)
        for result in found:
            if isinstance(result, BaseException):
                raise result

    async def _of(self, tenant: str, entries: Sequence[Entry], spool: str) -> None:
        while entries:
            some = entries[:AT_ONCE]
            keys = [self._store.keys.ledger(tenant)]
            booked = int(await self._store.script(self._scripts.post, keys, self._args(spool, some)))
            entries = [entry for entry in entries if entry.number > booked]

    def _args(self, spool: str, entries: Sequence[Entry]) -> list[Arg]:
        policy, summed = self.policy, cells(entry.record for entry in entries)
        numbers = entries[0].number, entries[-1].number
        bounds = policy.keep_days * DAY_S, policy.most_records, SPOOL_KNOWN_S
        args: list[Arg] = [msgspec.msgpack.encode((*numbers, *bounds, len(entries), len(summed))), spool]
        for entry in entries:
            args += minute_of(entry.record.at), escape(entry.record.id), entry.payload
        for cell in summed:
            args += cell_args(cell, self._bounds[cell.view])
        return args


def minute_of(at: float) -> int:
    """The page of a request that came then."""
    return int(at // 60)


def cell_args(cell: Cell, bound: int) -> list[Arg]:
    """A cell, as `add` of `scripts/ledger.lua` takes it."""
    field, rest = fields_of(cell.view, cell.values)
    name, amounts = cell_name(cell.span, cell.number, cell.view), encode_amounts(cell.amounts)
    return [name, bound, KEEP_S[cell.span], field, rest, amounts]


def cell_name(span: str, number: int, view: str) -> str:
    """Behind the stem."""
    return f"{span}:{number}:{view}"
