"""`GET /admin/audit`: the seven architectural sins, priced on the tenant's latest traffic."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from app.api.admin.keys import tenant_named
from app.api.admin.query import WindowQuery, query_of
from app.api.guard import whole_tenant
from app.audit.auditing import Records, audited
from app.audit.terms import Terms
from app.audit.told import told
from app.errors import InvalidRequest
from app.ledger.rollups import DAY_S
from app.report.window import Window, window_of

MOST_DAYS = 31
MOST, USUAL = 50_000, 20_000
"""Records: some 40 µs of a core each, beside the event loop but in the process that serves. Larger windows are read by
`leanserve audit`, in a process of its own."""


class AuditQuery(WindowQuery):
    """At most `limit` records are read, the oldest of the window."""

    limit: int = Field(default=USUAL, ge=1, le=MOST)


class AuditRoutes:
    """One audit at a time in each replica; who comes meanwhile waits. `clock` is seconds since 1970."""

    def __init__(self, source: Records, terms: Callable[[], Terms], clock: Callable[[], float] = time.time) -> None:
        self._source = source
        self._terms = terms
        self._clock = clock
        self._turn = asyncio.Lock()
        self.router = APIRouter(prefix="/admin/audit")
        self.router.add_api_route("", self.audit, methods=["GET"])

    async def audit(self, request: Request) -> dict[str, Any]:
        """Of a window as in `/admin/reports`, 31 days long at most; `truncated` says that it holds more records."""
        whole_tenant(request)
        query = query_of(request, AuditQuery)
        window, tenant = self._window(query), tenant_named(request, query.tenant)
        async with self._turn:
            return told(await audited(self._source, self._terms(), tenant, window.since, window.until, query.limit))

    def _window(self, query: AuditQuery) -> Window:
        found = window_of(query.since, query.until, self._clock())
        if found.until - found.since > MOST_DAYS * DAY_S:
            raise InvalidRequest(f"since must come before until, by {MOST_DAYS} days at most", "since")
        return found
