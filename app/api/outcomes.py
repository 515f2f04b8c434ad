"""`POST /v1/outcomes`: what became of an answer, told by the app, within the caller's own tenant."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request

from app.api.body import parse, read_body
from app.api.guard import key_of, tenant_of
from app.api.schema import OutcomeRequest
from app.domain import Caller
from app.errors import InvalidRequest
from app.learn.outcomes import Outcomes, Reported
from app.learn.records import Outcome


class OutcomeRoutes:
    """Outcomes of the requests and sessions of the tenant whose key is shown."""

    def __init__(self, outcomes: Outcomes, max_body_bytes: int) -> None:
        self._outcomes = outcomes
        self._limit = max_body_bytes
        self.router = APIRouter()
        self.router.add_api_route("/v1/outcomes", self.report, methods=["POST"])

    async def report(self, request: Request) -> dict[str, Any]:
        """Take an outcome. `recorded` is false where the same was told before; a later one of its type replaces it.

        `routed` is false where the router had no part in the answer (a cached one, a tier that the client named, a
        session): there is nothing to learn then. `booked` says that it counts in the cost of outcomes.
        """
        rights = key_of(request).rights
        caller = Caller(tenant_of(request), user=rights.user, team=rights.team)
        body = OutcomeRequest.model_validate(parse(await read_body(request, self._limit), OutcomeRequest))
        if body.request_id and body.session_id:
            raise InvalidRequest("an outcome is of a request or of a session, not of both", "session_id")
        done = await self._reported(caller, body, Outcome(body.success, body.value))
        said = {"request_id": body.request_id} if body.request_id else {"session_id": body.session_id}
        result = {"recorded": done.news, "routed": done.routed, "booked": done.booked}
        return {"object": "outcome", **said, "type": body.type, "success": body.success, "value": body.value, **result}

    async def _reported(self, caller: Caller, body: OutcomeRequest, outcome: Outcome) -> Reported:
        if body.request_id:
            return await self._outcomes.report(caller.tenant, body.request_id, body.type, outcome)
        if body.session_id:
            return await self._outcomes.of_session(replace(caller, session=body.session_id), body.type, outcome)
        raise InvalidRequest("name the request or the session that it is an outcome of", "request_id")
