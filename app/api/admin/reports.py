"""`/admin/reports`: what was spent on what, what it was good for, and single requests."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from app.api.admin.keys import tenant_named
from app.api.admin.query import (
    CostQuery,
    ListQuery,
    OutcomeQuery,
    ReportQuery,
    TimelineQuery,
    WindowQuery,
    listed,
    query_of,
)
from app.domain.request_id import time_of
from app.errors import InvalidRequest, NotFound
from app.ledger.reading import LedgerReader, fitting
from app.report.cost import cost_report
from app.report.outcomes import outcome_report
from app.report.records import all_of, line_of
from app.report.sheet import cost_sheet, outcome_sheet, timeline_sheet
from app.report.timeline import timeline
from app.report.window import Window, window_of


class ReportRoutes:
    """Reports on the admin's tenant; the operator names one. `clock` is seconds since 1970."""

    def __init__(self, reader: LedgerReader, clock: Callable[[], float] = time.time) -> None:
        self._reader = reader
        self._clock = clock
        self.router = APIRouter(prefix="/admin/reports")
        self.router.add_api_route("/cost", self.cost, methods=["GET"])
        self.router.add_api_route("/outcomes", self.outcomes, methods=["GET"])
        self.router.add_api_route("/timeline", self.timeline, methods=["GET"])
        self.router.add_api_route("/requests", self.list, methods=["GET"])
        self.router.add_api_route("/requests/{request_id}", self.show, methods=["GET"])

    async def cost(self, request: Request) -> Response:
        """Costs by dimensions, with savings and waste."""
        query = query_of(request, CostQuery)
        tenant, by = tenant_named(request, query.tenant), listed(query.by)
        report = await cost_report(self._reader, tenant, by, self._window(query), query.limit)
        return _sheet(cost_sheet(report), "cost") if query.format == "csv" else _json(report.told())

    async def outcomes(self, request: Request) -> Response:
        """What each outcome cost, and each success, by feature and type."""
        query = query_of(request, OutcomeQuery)
        tenant = tenant_named(request, query.tenant)
        report = await outcome_report(self._reader, tenant, self._window(query), query.limit)
        return _sheet(outcome_sheet(report), "outcomes") if query.format == "csv" else _json(report.told())

    async def timeline(self, request: Request) -> Response:
        """Figures by hour or day."""
        query = query_of(request, TimelineQuery)
        tenant, window = tenant_named(request, query.tenant), self._window(query)
        span = query.span or fitting(window.since, window.until, window.now)
        by, measures = listed(query.by), listed(query.measures)
        line = await timeline(self._reader, tenant, by, window, span, measures, query.limit)
        return _sheet(timeline_sheet(line), "timeline") if query.format == "csv" else _json(line.told())

    async def list(self, request: Request) -> Response:
        """The newest requests, or those before one."""
        query = query_of(request, ListQuery)
        tenant = tenant_named(request, query.tenant)
        if query.before and time_of(query.before.removesuffix("-shadow")) is None:
            raise InvalidRequest("before must be the id of a request", "before")
        found = await self._reader.newest(tenant, query.limit, query.before)
        following = found[-1].id if len(found) == query.limit else None
        return _json({"object": "list", "data": [line_of(record) for record in found], "next": following})

    async def show(self, request: Request, request_id: str) -> Response:
        """All that is known of one request, with its attempts."""
        tenant = tenant_named(request, query_of(request, ReportQuery).tenant)
        found = await self._reader.record(tenant, request_id)
        if found is None:
            raise NotFound("no request that is still kept has this id", "request_id")
        return _json(all_of(found))

    def _window(self, query: WindowQuery) -> Window:
        return window_of(query.since, query.until, self._clock())


def _json(body: dict[str, Any]) -> Response:
    """Thousands of rows: FastAPI's own encoder would walk through each."""
    return Response(msgspec.json.encode(body), media_type="application/json")


def _sheet(text: str, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}.csv"', "x-content-type-options": "nosniff"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
