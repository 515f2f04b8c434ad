"""`POST /v1/outcomes`: what became of an answer, told by the app, within the caller's own tenant."""

from typing import Any

from fastapi import APIRouter, Request

from app.api.body import parse, read_body
from app.api.guard import tenant_of
from app.api.schema import OutcomeRequest
from app.learn.outcomes import Outcomes
from app.learn.records import Outcome


class OutcomeRoutes:
    """Outcomes of the requests of the tenant whose key is shown."""

    def __init__(self, outcomes: Outcomes, max_body_bytes: int) -> None:
        self._outcomes = outcomes
        self._limit = max_body_bytes
        self.router = APIRouter()
        self.router.add_api_route("/v1/outcomes", self.report, methods=["POST"])

    async def report(self, request: Request) -> dict[str, Any]:
        """Take an outcome. `recorded` is false where the same was told before; a later one of its type replaces it.

        `routed` is false where the router had no part in the answer (a cached one, a tier that the client named): there
        is nothing to learn then, and nothing is recorded.
        """
        tenant = tenant_of(request)
        body = OutcomeRequest.model_validate(parse(await read_body(request, self._limit), OutcomeRequest))
        outcome = Outcome(body.success, body.value)
        done = await self._outcomes.report(tenant, body.request_id, body.type, outcome)
        return {
            "object": "outcome",
            "request_id": body.request_id,
            "type": body.type,
            "success": outcome.success,
            "value": outcome.value,
            "recorded": done.news,
            "routed": done.routed,
        }
