"""Leaves the records of requests in Redis, behind the clients' backs.

What is noted in a moment is written together: a request pays a few microseconds, Redis a share of one script. What a
Redis that is away would have been told is lost; nothing here decides an answer.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.errors import StoreUnavailable
from app.journey import Journey
from app.learn.records import Compared, Outcome, Routed, encode, is_answered, routed_of
from app.store.client import Store
from app.store.keys import escape
from app.store.scripts import Arg, Script, lua, scripts_of

logger = logging.getLogger("leanserve.learn")

DELAY_S = 0.05
"""Notes wait so long for others; as those of the cache."""
MOST_WAITING = 2_000
"""Notes that wait at most, a tenant's together: while Redis is away, memory is bounded."""
AT_ONCE = 50
"""Records of one script: half a millisecond of Redis, for which it serves nobody else."""
SHADOW = "c:shadow"
"""The field of a record that holds the comparison with a shadow call's answer."""
LOST = "what the router learns from was lost for up to %d requests: the store is away"
MOST_FIELDS = 18
"""Of one record: the request, a comparison, and sixteen outcomes."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long an index keeps a record, in seconds, and how many of a tenant's."""

    keep_s: int
    most: int


WAITING = Bounds(7 * 86_400, 50_000)
"""Routed requests of which nothing was heard: an outcome may come within a week. 30 MB when full."""
OTHERS = Bounds(7 * 86_400, 50_000)
"""Ids of requests that the router did not decide: kept so that their outcomes are understood. 6 MB when full."""
LABELLED = Bounds(90 * 86_400, 50_000)
"""Routed requests with an outcome or a comparison: what there is to learn from."""


@dataclass(frozen=True, slots=True)
class LearnScripts:
    """The Lua of the records, ready to run."""

    note: Script
    pass_by: Script
    mark: Script

    @classmethod
    def load(cls) -> "LearnScripts":
        """Read the files beside this one."""
        return cls(*scripts_of(__package__, ("note", "pass", "mark"), lua(__package__, "records")))


@dataclass(slots=True)
class _Page:
    """What waits to be written of one tenant: records by request id, and ids of requests without one."""

    routed: dict[str, Routed] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


class RouteJournal:
    """Takes notes at once, writes them soon. `clock` is seconds since 1970. Use it on one event loop."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
        delay_s: float = DELAY_S,
        waiting: Bounds = WAITING,
        others: Bounds = OTHERS,
        labelled: Bounds = LABELLED,
    ) -> None:
        self._store = store
        self._clock = clock
        self._delay_s = delay_s
        self._waiting, self._others, self._labelled = waiting, others, labelled
        self._scripts = LearnScripts.load()
        self._pages: defaultdict[str, _Page] = defaultdict(_Page)
        self._count = 0
        self._writing: asyncio.Task[None] | None = None

    def note(self, journey: Journey) -> None:
        """A request is over: who answered, and what the router had thought of it. A second time changes nothing."""
        if not is_answered(journey):
            return
        self._count += 1
        if self._count > MOST_WAITING:
            return
        page, record = self._pages[journey.request.caller.tenant], routed_of(journey, self._clock())
        if record:
            page.routed[journey.request.id] = record
        else:
            page.others.append(journey.request.id)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.ensure_future(self._write_later())

    async def flush(self) -> None:
        """Write what waits."""
        pages, lost, left_out = self._pages, 0, max(0, self._count - MOST_WAITING)
        self._pages, self._count = defaultdict(_Page), 0
        for tenant, page in pages.items():
            try:
                await self._write(self._scripts.note, self._waiting, tenant, _records(page.routed))
                await self._write(self._scripts.pass_by, self._others, tenant, [[escape(name)] for name in page.others])
            except StoreUnavailable:
                lost += len(page.routed) + len(page.others)
        if lost:  # at most: some of a page may be written
            logger.warning(LOST, lost + left_out)

    async def report(self, tenant: str, request_id: str, kind: str, outcome: Outcome) -> int:
        """Add an outcome of the type `kind`: what `mark.lua` gives. Raises StoreUnavailable."""
        return await self._mark(tenant, request_id, f"o:{kind}", encode(outcome))

    async def compared(self, tenant: str, request_id: str, found: Compared) -> None:
        """Add a comparison to a request that was noted. Raises StoreUnavailable."""
        await self.flush()
        await self._mark(tenant, request_id, SHADOW, encode(found))

    async def _mark(self, tenant: str, request_id: str, name: str, value: bytes) -> int:
        bounds = self._labelled
        args: list[Arg] = [escape(request_id), name, value, int(self._clock()), bounds.keep_s, bounds.most, MOST_FIELDS]
        return int(await self._store.script(self._scripts.mark, [self._store.keys.learn(tenant)], args))

    async def _write(self, script: Script, bounds: Bounds, tenant: str, notes: Sequence[Sequence[Arg]]) -> None:
        for start in range(0, len(notes), AT_ONCE):
            args: list[Arg] = [int(self._clock()), bounds.keep_s, bounds.most]
            words = [word for note in notes[start : start + AT_ONCE] for word in note]
            await self._store.script(script, [self._store.keys.learn(tenant)], [*args, *words])

    async def _write_later(self) -> None:
        while self._pages:
            await asyncio.sleep(self._delay_s)
            await self.flush()


def _records(routed: Mapping[str, Routed]) -> list[list[Arg]]:
    return [[escape(request_id), encode(record)] for request_id, record in routed.items()]
