"""`/admin/keys`: issue, list, show, change, rotate, disable, enable, delete."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request

from app.access.desk import Issued, KeyDesk
from app.access.key import ANY_TENANT
from app.access.known import KnownNames
from app.access.told import told
from app.api.admin.schema import IssueRequest, KeyRequest, RotateRequest
from app.api.body import parse, read_body
from app.api.guard import key_of
from app.domain import DEFAULT_TENANT
from app.errors import Forbidden


class KeyRoutes:
    """The keys of the admin's tenant; of all tenants for the operator. `clock` is seconds since 1970."""

    def __init__(
        self,
        desk: KeyDesk,
        known: KnownNames,
        max_body_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._desk = desk
        self._known = known
        self._limit = max_body_bytes
        self._clock = clock
        self.router = APIRouter(prefix="/admin/keys")
        self.router.add_api_route("", self.issue, methods=["POST"])
        self.router.add_api_route("", self.list, methods=["GET"])
        self.router.add_api_route("/{key_id}", self.show, methods=["GET"])
        self.router.add_api_route("/{key_id}", self.update, methods=["PUT"])
        self.router.add_api_route("/{key_id}", self.delete, methods=["DELETE"])
        self.router.add_api_route("/{key_id}/rotate", self.rotate, methods=["POST"])
        self.router.add_api_route("/{key_id}/disable", self.disable, methods=["POST"])
        self.router.add_api_route("/{key_id}/enable", self.enable, methods=["POST"])

    async def issue(self, request: Request) -> dict[str, Any]:
        """A new key. `key` is its text: it is shown here and never again."""
        body = IssueRequest.model_validate(parse(await read_body(request, self._limit), IssueRequest))
        terms = body.terms(self._clock())
        odd = self._known.check(terms.rights)
        return issued(await self._desk.issue(tenant_named(request, body.tenant), terms)) | _warned(odd)

    async def list(self, request: Request) -> dict[str, Any]:
        """Every key, configured ones first; the operator may name a `tenant`."""
        return {"object": "list", "data": [told(key) for key in await self._desk.all(asked_tenant(request))]}

    async def show(self, request: Request, key_id: str) -> dict[str, Any]:
        """One key."""
        return told(await self._desk.show(key_id, within_of(request)))

    async def update(self, request: Request, key_id: str) -> dict[str, Any]:
        """Replace name, rights and expiry; what is left out is without limit. What was read may be sent back."""
        before = told(await self._desk.show(key_id, within_of(request)))
        fixed = {name: value for name, value in before.items() if name not in KeyRequest.model_fields}
        body = KeyRequest.model_validate(parse(await read_body(request, self._limit), KeyRequest, fixed))
        terms = body.terms(self._clock())
        odd = self._known.check(terms.rights)
        return told(await self._desk.update(key_id, within_of(request), terms)) | _warned(odd)

    async def delete(self, request: Request, key_id: str) -> dict[str, Any]:
        """Take a key away for good, at once."""
        await self._desk.delete(key_id, within_of(request))
        return {"id": key_id, "object": "key", "deleted": True}

    async def rotate(self, request: Request, key_id: str) -> dict[str, Any]:
        """A new key in its place, which works until `grace_s` are over. An empty body means a day."""
        content = await read_body(request, self._limit)
        body = RotateRequest.model_validate(parse(content or b"{}", RotateRequest))
        return issued(await self._desk.rotate(key_id, within_of(request), body.grace_s))

    async def disable(self, request: Request, key_id: str) -> dict[str, Any]:
        """It opens nothing from now on, and its live streams end."""
        return told(await self._desk.disable(key_id, within_of(request)))

    async def enable(self, request: Request, key_id: str) -> dict[str, Any]:
        """Undo `disable`."""
        return told(await self._desk.enable(key_id, within_of(request)))


def _warned(odd: Sequence[str]) -> dict[str, Any]:
    return {"warnings": odd} if odd else {}


def within_of(request: Request) -> str:
    """The tenant that the admin acts in, `ANY_TENANT` for the operator."""
    return key_of(request).tenant


def asked_tenant(request: Request) -> str:
    """The same for a list: the operator may narrow it by `?tenant=`."""
    within = within_of(request)
    return request.query_params.get("tenant") or within if within == ANY_TENANT else within


def tenant_named(request: Request, named: str) -> str:
    """The tenant that an admin means: its own, or for the operator the named or the default one."""
    within = within_of(request)
    if within == ANY_TENANT:
        return named or DEFAULT_TENANT
    if named not in {"", within}:
        raise Forbidden("a tenant's admin acts in its own tenant only", "tenant")
    return within


def issued(new: Issued) -> dict[str, Any]:
    """A new key with its text."""
    return {**told(new.key), "key": new.text}
