"""What is exported of the ledger: records as they are kept, in batches, with what the app said became of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.ledger.outcomes import Told, session_name, told_of
from app.ledger.posting import LedgerScripts
from app.ledger.reading import AT_ONCE, LedgerReader
from app.ledger.record import LedgerRecord
from app.store.client import Store
from app.store.keys import escape

REQUEST, SESSION = "request", "session"


@dataclass(frozen=True, slots=True)
class Said:
    """An outcome of the request or session `id` of `feature`; `subject` says which of both."""

    subject: str
    id: str
    feature: str
    outcome: Told


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in the order of time, and the outcomes of their requests, and of sessions that none before had."""

    records: list[LedgerRecord]
    outcomes: list[Said]


class Export:
    """Reads one tenant's ledger. It remembers a number for each session, and else no more than a batch."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store, self._tenant = store, tenant
        self._scripts = LedgerScripts.load()
        self._reader = LedgerReader(store, self._scripts)
        self._sessions: set[int] = set()

    async def batches(self, since: float, until: float, size: int = AT_ONCE) -> AsyncIterator[Batch]:
        """Of requests that came in [since, until), seconds since 1970. Raises StoreUnavailable."""
        some: list[LedgerRecord] = []
        async for record in self._reader.records(self._tenant, since, until):
            some.append(record)
            if len(some) == size:
                yield Batch(some, await self._said(some))
                some = []
        if some:
            yield Batch(some, await self._said(some))

    async def _said(self, records: list[LedgerRecord]) -> list[Said]:
        subjects = {escape(record.id): (REQUEST, record.id, record.feature) for record in records}
        for record in records:
            if record.session and (known := hash(record.session)) not in self._sessions:
                self._sessions.add(known)
                subjects[session_name(record.session)] = (SESSION, record.session, record.feature)
        found = await told_of(self._store, self._scripts, self._tenant, list(subjects))
        return [Said(*subject, each) for subject, told in zip(subjects.values(), found, strict=True) for each in told]
