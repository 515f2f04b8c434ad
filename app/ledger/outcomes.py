"""What became of requests and sessions, as the app says, booked beside what they cost. Within one tenant."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec

from app.learn.records import Outcome
from app.ledger.posting import LedgerScripts
from app.ledger.reading import LedgerReader
from app.ledger.rollups import BOUNDS, DAY_S, KEEP_S, MEASURES, SPANS, fields_of
from app.store.client import Store
from app.store.keys import escape
from app.store.scripts import Arg

KNOWN_S = 100 * DAY_S
"""How long after the last word a word on it may change what was booked."""
MOST_TYPES = 17
"""Of one request or session; `app.learn` keeps as many at most."""
MILLIONTHS = 1_000_000
FULL = -2  # scripts/outcome.lua


@dataclass(frozen=True, slots=True)
class Subject:
    """What it is said of: `name` is unique in its tenant; what it cost, when it was (seconds since 1970), whose."""

    name: str
    feature: str
    micro_usd: int
    at: float


@dataclass(frozen=True, slots=True)
class Told:
    """What is booked of a subject, of the type `kind`: with what it cost, in micro-USD, when it was told last."""

    kind: str
    success: bool
    value: float
    micro_usd: int
    at: float


class OutcomeBook:
    """Books into the view `outcome`. `flush` sends the records that wait here. Everything raises StoreUnavailable."""

    def __init__(self, store: Store, flush: Callable[[], Awaitable[None]]) -> None:
        self.flush = flush
        self._store, self._scripts = store, LedgerScripts.load()
        self._reader = LedgerReader(store, self._scripts)

    async def request(self, tenant: str, request_id: str) -> Subject | None:
        """The request, if its record is there."""
        found = await self._reader.record(tenant, request_id)
        return Subject(escape(found.id), found.feature, found.micro_usd, found.at) if found else None

    async def book(self, tenant: str, subject: Subject, kind: str, outcome: Outcome) -> int:
        """What the app says of the subject: 1 for news, 0 for what was said before, `FULL` for one type too many.

        The same twice is one; of two that contradict, the later one holds, in the hour and the day of the first.
        """
        value = 0 if outcome.value is None else round(outcome.value * MILLIONTHS)
        said: list[Arg] = [int(outcome.success), value, subject.micro_usd, int(subject.at)]
        measures: list[Arg] = [8 * len(MEASURES), MEASURES.index("outcomes") + 1]
        cell: list[Arg] = [*fields_of("outcome", (subject.feature, kind)), BOUNDS["outcome"]]
        spans: list[Arg] = [word for span, length in SPANS.items() for word in (span, length, KEEP_S[span])]
        args: list[Arg] = [subject.name, kind, MOST_TYPES, KNOWN_S, *said, *measures, *cell, *spans]
        return int(await self._store.script(self._scripts.outcome, [self._store.keys.ledger(tenant)], args))


async def told_of(store: Store, scripts: LedgerScripts, tenant: str, names: Sequence[str]) -> list[list[Told]]:
    """What is booked of subjects by their names. Raises StoreUnavailable."""
    found = await store.script(scripts.told, [store.keys.ledger(tenant)], list(names))
    return [[_told(kind, packed) for kind, packed in zip(each[::2], each[1::2], strict=True)] for each in found]


def session_subject(session: str, feature: str, micro_usd: int, at: float) -> Subject:
    """A session, whose name is no request's."""
    return Subject(session_name(session), feature, micro_usd, at)


def session_name(session: str) -> str:
    """Of a session's subject."""
    return f"session:{escape(session)}"


def _told(kind: bytes, packed: bytes) -> Told:
    success, value, cost, at = msgspec.msgpack.decode(packed)
    return Told(kind.decode(), bool(success), value / MILLIONTHS, int(cost), float(at))
