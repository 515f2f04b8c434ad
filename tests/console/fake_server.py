"""The real console over a fake `/admin`: `python -m tests.console.fake_server 8099` shows it with the key `boss`."""

import sys
import time
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from app.api.app import _on_fault
from app.api.console import ConsoleRoutes
from app.errors import InvalidRequest, LeanServeError, NotFound, Unauthorized
from tests.console import fake_month, fake_records
from tests.console.fake_month import DAY_S, Month, iso

KEY = "boss"


def fake_app(month: Month) -> FastAPI:
    """The console, and what its endpoints would answer after this month."""
    app, seen = FastAPI(), fake_records.records(month, 400)
    app.include_router(ConsoleRoutes().router)
    app.add_exception_handler(LeanServeError, _on_fault)
    told_before: dict[str, Any] = {}

    def entered(request: Request) -> dict[str, str]:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            raise Unauthorized("this API key is not known")
        if " " in request.query_params.get("tenant", ""):
            raise InvalidRequest("tenant: must be printable", "tenant")
        return dict(request.query_params)

    def within(said: dict[str, str], default: str) -> tuple[list[dict[str, Any]], list[int], dict[str, str]]:
        since, until = fake_records.window(month.now, said.get("since", default), said.get("until", ""))
        days = list(range(int(since // DAY_S), int(-(-until // DAY_S))))
        told = {"tenant": "acme", "since": iso(days[0] * DAY_S), "until": iso(until)}
        return [cell for cell in month.cells if cell["day"] in set(days)], days, told

    def once(request: Request, reckoned: Callable[[], Any]) -> Any:
        name = str(request.url)
        if name not in told_before:
            told_before[name] = reckoned()
        return told_before[name]

    @app.get("/admin/reports/cost")
    async def cost(request: Request) -> Any:
        said = entered(request)
        by = [name for name in said.get("by", "feature").split(",") if name]

        def reckoned() -> Any:
            cells, _, told = within(said, "7d")
            return told | fake_month.cost(cells, by, int(said.get("limit", 100)))

        return once(request, reckoned)

    @app.get("/admin/reports/timeline")
    async def timeline(request: Request) -> Any:
        said = entered(request)
        by = [name for name in said.get("by", "feature").split(",") if name]
        measures = said.get("measures", "micro_usd,requests,hits,wasted_micro_usd").split(",")

        def reckoned() -> Any:
            cells, days, told = within(said, "24h")
            return told | fake_month.timeline(cells, days, by, measures, int(said.get("limit", 8)))

        return once(request, reckoned)

    @app.get("/admin/reports/outcomes")
    async def outcomes(request: Request) -> Any:
        _, _, told = within(entered(request), "30d")
        return fake_records.outcomes(month, told["since"], told["until"])

    @app.get("/admin/reports/requests")
    async def requests(request: Request) -> Any:
        said = entered(request)
        found = [row for row in seen if not said.get("before") or row["id"] < said["before"]]
        data = found[: int(said.get("limit", 50))]
        return {"object": "list", "data": data, "next": data[-1]["id"] if data else None}

    @app.get("/admin/reports/requests/{request_id}")
    async def one(request: Request, request_id: str) -> Any:
        entered(request)
        found = next((row for row in seen if row["id"] == request_id), None)
        if found is None:
            raise NotFound("no such request")
        return found

    @app.get("/admin/budgets")
    async def budgets(request: Request) -> Any:
        entered(request)
        return {"object": "list", "data": fake_records.RULES}

    @app.get("/admin/stops")
    async def stops(request: Request) -> Any:
        entered(request)
        return {"object": "list", "data": []}

    @app.get("/admin/scopes/{scope:path}")
    async def scopes(request: Request, scope: str) -> Any:
        entered(request)
        return fake_records.scope(scope, month.features)

    @app.get("/admin/audit")
    async def audit(request: Request) -> Any:
        said = entered(request)
        return fake_records.audit(month, seen, said["since"], said["until"])

    @app.exception_handler(404)
    async def unknown(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": {"message": "no such path"}}, status_code=404)

    return app


def main() -> None:
    """Serve until Ctrl-C."""
    uvicorn.run(fake_app(Month(time.time(), 200)), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
