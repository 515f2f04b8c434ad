"""`/health` (am I alive), `/ready` (would a request be answered), `/metrics` (Prometheus).

They alone are open to who shows no key: load balancers, Kubernetes' probes and Prometheus ask them and hold none. They
change nothing and tell nothing of a request; `/metrics` names tenants and features beside what they cost, so that a
proxy to the outside should not pass it on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from app.observe.telemetry import Telemetry

Check = Callable[[], Awaitable[bool]]
CHECK_TIMEOUT_S = 5.0


class HealthRoutes:
    """Liveness says nothing of others, so that a dead Redis restarts no replica; readiness asks them all."""

    def __init__(self, checks: Mapping[str, Check], telemetry: Telemetry) -> None:
        self._checks = dict(checks)
        self._telemetry = telemetry
        self.router = APIRouter()
        self.router.add_api_route("/health", self.health, methods=["GET"])
        self.router.add_api_route("/ready", self.ready, methods=["GET"])
        self.router.add_api_route("/metrics", self.metrics, methods=["GET"])

    async def health(self) -> dict[str, str]:
        """This replica's event loop turns."""
        return {"status": "ok"}

    async def ready(self) -> JSONResponse:
        """200 when every part answers, else 503; by part."""
        answers = await asyncio.gather(*(_passes(check) for check in self._checks.values()))
        parts = dict(zip(self._checks, answers, strict=True))
        return JSONResponse({"ready": all(answers), "parts": parts}, status_code=200 if all(answers) else 503)

    async def metrics(self) -> Response:
        """This replica's metrics in Prometheus' text format."""
        content, content_type = self._telemetry.render()
        return Response(content, media_type=content_type)


async def _passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await check()
    except Exception:
        return False
