"""What the app says became of an answer, by the request's id or its session's: late, twice, or about another tenant's.

Two learn of it: the router, which asked for the answer, and the ledger, which knows what it cost.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from app.agents.sessions import Sessions
from app.domain import Caller
from app.errors import InvalidRequest, NotFound, StoreUnavailable
from app.learn.journal import RouteJournal
from app.learn.records import Outcome
from app.ledger.outcomes import FULL as BOOK_FULL
from app.ledger.outcomes import OutcomeBook, Subject, session_subject

UNKNOWN, FULL, NOT_ROUTED = -1, -2, -3  # scripts/mark.lua
HURRY_S = 0.25
"""For the records that wait to be written here; what is not then is waited for as if it were another replica's."""
WAIT_S = 0.1
"""For another replica's journal and recorder: twice as late as what they write may be."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What came of a report.

    `routed` is false where the client or the cache, not the router, had decided who answers: there is nothing to learn
    then. `booked` says that it counts among the outcomes that costs are told by. `news` is false where the very same
    was said before.
    """

    news: bool
    routed: bool
    booked: bool = False


class Outcomes:
    """Takes the outcomes of one tenant's requests and sessions."""

    def __init__(self, journal: RouteJournal, book: OutcomeBook, sessions: Sessions) -> None:
        self._journal, self._book, self._sessions = journal, book, sessions

    async def report(self, tenant: str, request_id: str, kind: str, outcome: Outcome) -> Reported:
        """Keep an outcome of the type `kind`. The same twice is one; of two that contradict, the later one holds.

        Raises `NotFound` for a request of nobody, of another tenant, or of too long ago; `InvalidRequest` for more
        types than a request may have; StoreUnavailable.
        """
        await self._hurry()
        learned, subject = UNKNOWN, None
        for wait_s in (WAIT_S, 0):
            if learned == UNKNOWN:
                learned = await self._journal.report(tenant, request_id, kind, outcome)
            subject = subject or await self._book.request(tenant, request_id)
            if learned != UNKNOWN and subject:
                break
            await asyncio.sleep(wait_s)
        if learned == UNKNOWN and subject is None:
            raise NotFound("no request of the last days has this id", "request_id")
        _refuse_more(learned == FULL)
        return await self._booked(tenant, subject, kind, outcome, learned)

    async def of_session(self, caller: Caller, kind: str, outcome: Outcome) -> Reported:
        """The same of the session that `caller` names, with what all of its steps cost until now.

        A caller with a user or a team knows theirs alone: names of sessions can be guessed, ids of requests cannot.
        """
        record = await self._sessions.look(caller)
        if record is None or any(own and record.text(pin) != own for pin, own in _pins(caller)):
            raise NotFound("no session that is remembered has this id", "session_id")
        cost, at = record.number("micro_usd"), record.seconds("last")
        subject = session_subject(caller.session, record.text("feature"), cost, at)
        return await self._booked(caller.tenant, subject, kind, outcome, NOT_ROUTED)

    async def _hurry(self) -> None:
        await self._journal.flush()
        with suppress(TimeoutError, StoreUnavailable):
            async with asyncio.timeout(HURRY_S):
                await self._book.flush()

    async def _booked(
        self, tenant: str, subject: Subject | None, kind: str, outcome: Outcome, learned: int
    ) -> Reported:
        booked = await self._book.book(tenant, subject, kind, outcome) if subject else 0
        _refuse_more(booked == BOOK_FULL)
        return Reported(learned > 0 or booked > 0, learned not in {NOT_ROUTED, UNKNOWN}, subject is not None)


def _pins(caller: Caller) -> tuple[tuple[str, str], ...]:
    return ("user", caller.user), ("team", caller.team)


def _refuse_more(full: bool) -> None:
    if full:
        raise InvalidRequest("there are outcomes of as many types as there may be", "type")
