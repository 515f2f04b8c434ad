"""What dead replicas left: their records are booked, and requests that they had begun become records without an end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from app.domain import Amounts
from app.domain.request_id import hedge_id
from app.errors import HedgeLost, StoreUnavailable
from app.ledger.frames import Frame, Kind
from app.ledger.making import claiming_nothing
from app.ledger.posting import AT_ONCE, Entry, Posting
from app.ledger.record import AttemptEntry, LedgerRecord
from app.ledger.recorder import read_record
from app.ledger.spool import DeadSpool, dead_spools

logger = logging.getLogger("leanserve.ledger")

PERIOD_S = 5.0

Held = Callable[[str, str], Awaitable[Amounts | None]]
"""What the budget held, or reclaimed, for a request of a tenant; None where nobody knows."""

_ATTEMPT = msgspec.msgpack.Decoder(tuple[int, AttemptEntry])


@dataclass(slots=True)
class _Begun:
    """A request of which no end was heard, and its attempts by their place."""

    record: LedgerRecord
    attempts: dict[int, AttemptEntry] = field(default_factory=dict)

    def told(self) -> list[AttemptEntry]:
        """All of them, each as it was last heard of: one at least."""
        attempts = list(self.record.attempts)
        for place, entry in sorted(self.attempts.items()):
            attempts[place:] = [entry]
        return attempts


class Sweeper:
    """Sweeps folders of a node's spools. Any number may do so: each spool is one's alone, and counts once."""

    def __init__(self, folders: Collection[Path], posting: Posting, held: Held, *, period_s: float = PERIOD_S) -> None:
        self._folders, self._posting, self._held, self._period_s = folders, posting, held, period_s

    async def run(self) -> None:
        """Sweep again and again."""
        while True:
            try:
                await self.sweep()
            except StoreUnavailable:
                logger.debug("spools of dead replicas wait for the store")
            except Exception:
                logger.exception("spools of dead replicas were not swept")
            await asyncio.sleep(self._period_s)

    async def sweep(self) -> int:
        """Book what dead spools hold, and remove them: how many. Raises StoreUnavailable."""
        return sum([await self._folder(folder) for folder in self._folders])

    async def _folder(self, folder: Path) -> int:
        swept = 0
        with closing(dead_spools(folder)) as found:
            for dead in found:
                await self._sweep(dead)
                dead.remove()
                swept += 1
        return swept

    async def _sweep(self, dead: DeadSpool) -> None:
        begun: dict[int, _Begun] = {}
        entries: list[Entry] = []
        number = records = 0
        for frame in dead:
            number = max(number, frame.number)
            if entry := _take(frame, begun):
                entries.append(entry)
                records += 1
            if len(entries) >= AT_ONCE:
                await self._posting.post(dead.name, entries)
                entries = []
        found = [await self._lost(each) for _, each in sorted(begun.items())]
        lost = [Entry.of(number + place, record) for place, record in enumerate(found, start=1) if record]
        entries += lost
        await self._posting.post(dead.name, entries)
        logger.warning("spool=%s of a dead replica: records=%s lost=%s", dead.name, records, len(lost))

    async def _lost(self, begun: _Begun) -> LedgerRecord | None:
        """The record of a request without an end: where something is held for it, that is what it spent.

        None for a shadow call that was neither made nor held for: nobody asked for it.
        """
        record, told = begun.record, begun.told()
        own, hedges = ([each for each in told if each.beside is beside] for beside in (False, True))
        held = await self._held(record.tenant, record.id)
        held_beside = await self._held(record.tenant, hedge_id(record.id))
        if held:
            own[-1] = _supposed(own, held)
        elif not own[-1].backend:
            del own[-1]  # planned, never made
        if held_beside:
            hedges = [_supposed(hedges or [_planned_beside(told[-1])], held_beside)]
        if not own:
            shadow = record.attempts[-1].role == "shadow"
            return None if shadow else msgspec.structs.replace(record, attempts=(), estimated=False)
        estimated = bool(held or held_beside) or own[-1].cause == "lost"
        return claiming_nothing(_answered_by(own, hedges, msgspec.structs.replace(record, estimated=estimated)))


def _take(frame: Frame, begun: dict[int, _Begun]) -> Entry | None:
    """The entry that a frame is, if it is one; else what it says of a request that has begun."""
    if frame.kind is Kind.RECORD:
        begun.pop(frame.request, None)
        record = read_record(frame.payload)
        return Entry(frame.number, record, frame.payload) if record else None
    if frame.kind is Kind.BEGUN and (record := read_record(frame.payload)):
        begun[frame.request] = _Begun(record)
    elif frame.kind is Kind.ATTEMPT and (known := begun.get(frame.request)):
        _note(frame.payload, known)
    return None


def _note(payload: bytes, known: _Begun) -> None:
    try:
        place, entry = _ATTEMPT.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        logger.warning("an attempt cannot be read: bytes=%s", len(payload))
    else:
        known.attempts[place] = entry


def _supposed(attempts: Sequence[AttemptEntry], held: Amounts) -> AttemptEntry:
    """The last of them, with all that was held and that those before it did not spend."""
    *before, last = attempts
    return msgspec.structs.replace(
        last,
        input_tokens=max(held.input_tokens - sum(each.input_tokens for each in before), 0),
        output_tokens=max(held.output_tokens - sum(each.output_tokens for each in before), 0),
        micro_usd=max(held.micro_usd - sum(each.micro_usd for each in before), 0),
    )


def _planned_beside(busy: AttemptEntry) -> AttemptEntry:
    """A hedge of which no more is known than that something is held for it."""
    return AttemptEntry(busy.tier, "", "", "hedge", "failed", "lost", beside=True)


def _answered_by(own: Sequence[AttemptEntry], hedges: Sequence[AttemptEntry], record: LedgerRecord) -> LedgerRecord:
    """By the last of its own attempts, as far as it came, or by the hedge that outran that."""
    *before, given = own
    told = [*map(_replaced, before), given]
    if hedges and (hedges[-1].role == "answer" or given.detail == HedgeLost.code):
        told[-1], given = msgspec.structs.replace(given, role="hedge"), hedges[-1]
        hedges = [msgspec.structs.replace(given, role="answer")]
    told += hedges
    return msgspec.structs.replace(
        record, attempts=tuple(told), tier=given.tier, backend=given.backend, served=given.model
    )


def _replaced(entry: AttemptEntry) -> AttemptEntry:
    """One that another came after: when it was noted it was the last."""
    if entry.role != "answer":
        return entry
    return msgspec.structs.replace(entry, role="draft" if entry.outcome == "success" else "retry")
