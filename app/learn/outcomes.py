"""What the app says became of an answer, by the request's id: late, twice, or about what another tenant asked."""

import asyncio
from dataclasses import dataclass

from app.errors import InvalidRequest, NotFound
from app.learn.journal import RouteJournal
from app.learn.records import Outcome

UNKNOWN, FULL, NOT_ROUTED = -1, -2, -3  # scripts/mark.lua


@dataclass(frozen=True, slots=True)
class Reported:
    """What came of a report.

    `routed` is false where the client or the cache, not the router, had decided who answers: there is nothing to learn,
    and nothing is kept. `news` is false there, and where the very same was said before.
    """

    news: bool
    routed: bool


class Outcomes:
    """Takes the outcomes of one tenant's requests."""

    def __init__(self, journal: RouteJournal) -> None:
        self._journal = journal

    async def report(self, tenant: str, request_id: str, kind: str, outcome: Outcome) -> Reported:
        """Keep an outcome of the type `kind`. The same twice is one; of two that contradict, the later one holds.

        Raises `NotFound` for a request of nobody, of another tenant, or of too long ago; `InvalidRequest` for more
        types than a request may have; StoreUnavailable.
        """
        await self._journal.flush()
        for wait_s in (2 * self._journal.delay_s, 0):  # another replica's journal may be on its way
            result = await self._journal.report(tenant, request_id, kind, outcome)
            if result != UNKNOWN:
                return _reported(result)
            await asyncio.sleep(wait_s)
        raise NotFound("no request of the last days that was answered has this id", "request_id")


def _reported(result: int) -> Reported:
    if result == FULL:
        raise InvalidRequest("this request has outcomes of as many types as it may", "type")
    return Reported(result > 0, result != NOT_ROUTED)
