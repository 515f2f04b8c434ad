"""`/admin/scopes/{scope}` and `/admin/stops`: what a scope spent, and the kill switch.

A scope is written as its text, `tenant=acme,feature=faq`; what is not plain in it percent-encoded for the path.
"""

from typing import Any

from fastapi import APIRouter, Request

from app.access.key import ANY_TENANT
from app.api.admin.keys import asked_tenant, within_of
from app.api.admin.schema import StopRequest
from app.api.body import parse, read_body
from app.budget.desk import BudgetDesk
from app.budget.scopes import scope_named
from app.budget.told import told
from app.domain import Scope
from app.errors import Forbidden


class ScopeRoutes:
    """The scopes of the admin's tenant; of all tenants for the operator."""

    def __init__(self, desk: BudgetDesk, max_body_bytes: int) -> None:
        self._desk = desk
        self._limit = max_body_bytes
        self.router = APIRouter(prefix="/admin")
        self.router.add_api_route("/stops", self.stops, methods=["GET"])
        self.router.add_api_route("/scopes/{scope:path}/stop", self.stop, methods=["POST"])
        self.router.add_api_route("/scopes/{scope:path}/resume", self.resume, methods=["POST"])
        self.router.add_api_route("/scopes/{scope:path}", self.show, methods=["GET"])

    async def show(self, request: Request, scope: str) -> dict[str, Any]:
        """Each limit that binds the scope: spent, held, what remains, and when it begins again."""
        return told(await self._desk.show(_own(request, scope)))

    async def stop(self, request: Request, scope: str) -> dict[str, Any]:
        """Nothing more for this scope, on every replica, and an end to its live streams within a second."""
        body = StopRequest.model_validate(parse(await read_body(request, self._limit) or b"{}", StopRequest))
        found = _own(request, scope)
        reason = await self._desk.stop(found, body.reason, within_of(request))
        return {"object": "scope", "scope": str(found), "stopped": True, "reason": reason}

    async def resume(self, request: Request, scope: str) -> dict[str, Any]:
        """Let it go on."""
        found = _own(request, scope)
        await self._desk.resume(found, within_of(request))
        return {"object": "scope", "scope": str(found), "stopped": False, "reason": None}

    async def stops(self, request: Request) -> dict[str, Any]:
        """What is stopped; the operator may name a `tenant`."""
        found = await self._desk.stops(asked_tenant(request))
        data = [{"object": "scope", "scope": str(s.scope), "stopped": True, "reason": s.reason} for s in found]
        return {"object": "list", "data": data}


def _own(request: Request, text: str) -> Scope:
    """The scope, once it is known to be the admin's. Raises `InvalidRequest` and `Forbidden`."""
    scope = scope_named(text)
    if within_of(request) not in {ANY_TENANT, scope.tenant}:
        raise Forbidden("a tenant's admin acts in its own tenant only", "scope")
    return scope
