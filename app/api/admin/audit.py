"""`GET /admin/audit`: the seven architectural sins, priced on the tenant's latest traffic."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request

from app.access.key import ANY_TENANT
from app.api.admin.keys import asked_tenant
from app.api.guard import whole_tenant
from app.audit.auditing import Records, audited
from app.audit.terms import Terms
from app.audit.told import told
from app.domain import DEFAULT_TENANT
from app.errors import InvalidRequest

DAY_S = 86_400.0
MOST_DAYS = 31
MOST, USUAL = 50_000, 20_000
"""Records: some 40 µs of a core each, beside the event loop but in the process that serves. Larger windows are read by
`leanserve audit`, in a process of its own."""


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
        """`since` and `until` are ISO 8601 with their time zone, at most 31 days apart; the last 7 days without.

        At most `limit` records are read, the oldest of the window; `truncated` says that there are more.
        """
        whole_tenant(request)
        since, until = self._window(request)
        tenant, most = _tenant(request), _count(request.query_params.get("limit"))
        async with self._turn:
            return told(await audited(self._source, self._terms(), tenant, since, until, most))

    def _window(self, request: Request) -> tuple[float, float]:
        until = _moment(request, "until", self._clock())
        since = _moment(request, "since", until - 7 * DAY_S)
        if not 0 < until - since <= MOST_DAYS * DAY_S:
            raise InvalidRequest(f"since must come before until, by {MOST_DAYS} days at most", "since")
        return since, until


def _tenant(request: Request) -> str:
    """The admin's own; of the operator the one it names, or the default one."""
    asked = asked_tenant(request)
    return DEFAULT_TENANT if asked == ANY_TENANT else asked


def _moment(request: Request, name: str, otherwise: float) -> float:
    text = request.query_params.get(name)
    if text is None:
        return otherwise
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.timestamp()
    except (ValueError, OverflowError):
        pass
    raise InvalidRequest(f"{name} must be a time in ISO 8601 with its time zone, such as 2026-11-01T00:00:00Z", name)


def _count(text: str | None) -> int:
    if text is None:
        return USUAL
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MOST):
        raise InvalidRequest(f"limit must be a whole number from 1 to {MOST}", "limit")
    return int(text)
