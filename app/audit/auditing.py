"""The audit of a window: records in, an `Audit` out."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from app.audit.case import Case, case_of
from app.audit.finding import Audit, Finding
from app.audit.notes import BATCH, Notes
from app.audit.sins.amnesia import ContextAmnesia, memory_key
from app.audit.sins.loops import AgentLoops, looped_steps
from app.audit.sins.models import OneModelForAll
from app.audit.sins.prompts import MonolithicPrompts
from app.audit.sins.retries import RetrySpiral
from app.audit.sins.retrieval import RetrievalFirehose
from app.audit.sins.sin import Sin
from app.audit.sins.verbosity import VerboseOutput
from app.audit.terms import Terms
from app.audit.weighing import Scales
from app.ledger.record import LedgerRecord

T = TypeVar("T")
DAY_S = 86_400


class Records(Protocol):
    """Who has the ledger's records."""

    def records(self, tenant: str, since: float, until: float) -> AsyncGenerator[LedgerRecord, None]:
        """Those of `tenant` that came from `since` up to `until`, seconds since 1970, in the order of time where a
        bounded audit is to end at some time; else in any."""
        ...


async def audited(source: Records, terms: Terms, tenant: str, since: float, until: float, most: int) -> Audit:
    """The audit of at most `most` records of a window; the work is done beside the event loop.

    Where there are more, it ends with the last that was read.
    """
    notes, read = Notes(), _Read()
    try:
        async with aclosing(source.records(tenant, since, until)) as records:
            async for batch in _batches(records, most, read):
                await _beside(partial(note, notes, terms, batch))
        until = read.last if read.truncated else until
        return await _beside(partial(judged, notes, terms, tenant, since, until, truncated=read.truncated))
    finally:
        notes.close()


async def _beside(work: Callable[[], T]) -> T:
    """In a thread, to its end even where nobody waits for it any more: what it reads must not be closed before."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    finally:
        await asyncio.wait([task])


@dataclass(slots=True)
class _Read:
    """What was read: when its `last` came, and whether there was more."""

    last: float = 0.0
    truncated: bool = False


async def _batches(
    records: AsyncIterator[LedgerRecord], most: int, read: _Read
) -> AsyncGenerator[list[LedgerRecord], None]:
    batch, left = list[LedgerRecord](), most
    async for record in records:
        if not left:
            read.truncated = True
            break
        batch.append(record)
        left, read.last = left - 1, max(read.last, record.at)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


def note(notes: Notes, terms: Terms, records: Iterable[LedgerRecord]) -> None:
    """Keep what is needed of some records."""
    notes.add((case, memory_key(case, terms)) for case in map(case_of, records))


def judged(notes: Notes, terms: Terms, tenant: str, since: float, until: float, *, truncated: bool = False) -> Audit:
    """What is noted, weighed by every sin."""
    notes.name_features()
    notes.mark_loops(looped_steps(notes.steps()))
    scales = Scales(lambda: sins(terms, notes))
    scales.weigh(notes.cases(), lambda case: _is_priced(case, terms))
    scales.compound(notes.cases())
    days = max(until - since, 1.0) / DAY_S
    found = [finding for sin in sins(terms, notes) if (finding := _finding(sin, scales, days))]
    return Audit(
        tenant=tenant,
        since=since,
        until=until,
        requests=scales.requests,
        spent_micro_usd=sum(scales.spent.values()),
        unpriced=scales.unpriced,
        unasked_micro_usd=scales.unasked_micro_usd,
        compound_micro_usd=sum(each.compound_micro_usd for each in found),
        findings=tuple(found),
        truncated=truncated,
    )


def sins(terms: Terms, notes: Notes) -> Sequence[Sin]:
    """In the order of their fixes: first what need not be asked at all, then where it is asked, then what is sent and
    what comes back, at last what failed on the way."""
    return (
        AgentLoops(),
        ContextAmnesia(terms),
        OneModelForAll(terms),
        MonolithicPrompts(terms, notes),
        RetrievalFirehose(terms),
        VerboseOutput(terms),
        RetrySpiral(terms),
    )


def _is_priced(case: Case, terms: Terms) -> bool:
    return all(terms.knows(line) for line in case.lines if line.own)


def _finding(sin: Sin, scales: Scales, days: float) -> Finding | None:
    places = scales.places(sin)
    if not places:
        return None
    requests = sum(place.requests for place in places)
    return Finding(
        sin=sin.name,
        title=sin.title,
        rule=sin.rule,
        assumed=sin.assumed,
        micro_usd=sum(place.micro_usd for place in places),
        certain_micro_usd=sum(place.certain_micro_usd for place in places),
        compound_micro_usd=sum(place.compound_micro_usd for place in places),
        requests=requests,
        unit=sin.unit,
        exact_share=sum(place.exact for place in places) / requests,
        places=places,
        change=sin.change(places, days),
    )
