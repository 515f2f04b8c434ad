"""The door: nothing under `/v1` or `/admin` is reached without a key.

`Guard.enter` and `Guard.admin` are dependencies of whole routers, so that no endpoint can forget them; what an endpoint
then reads is `key_of(request)`, which nobody but the guard can have put there. A request without a right key is refused
before its body is read.
"""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers

from app.access.configured import is_loopback
from app.access.key import Key
from app.access.rights import tenant_for
from app.access.ring import NEEDED, KeyRing
from app.api.names import said_name
from app.errors import Forbidden, Unauthorized

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class Guard:
    """Asks `ring` who is there."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def enter(self, request: Request) -> None:
        """Any right key opens. Raises `Unauthorized` and `StoreUnavailable`."""
        text = bearer(request.headers)
        request.state.key = await self._ring.admit(text, nearby=is_nearby(request.scope))

    async def admin(self, request: Request) -> None:
        """An admin's key opens, within its tenant. Raises `Forbidden` for every other."""
        await self.enter(request)
        key = key_of(request)
        if not key.rights.admin:
            raise Forbidden("this API key is not an admin's")
        tenant_for(key, said_name(request.headers, {}, "tenant"))


def key_of(request: Request) -> Key:
    """The key that opened the door to this request."""
    key = request.state.key
    assert isinstance(key, Key)
    return key


def whole_tenant(request: Request) -> Key:
    """The same, of a key that may see all that its tenant does. Raises `Forbidden`."""
    key = key_of(request)
    if not key.rights.whole_tenant:
        raise Forbidden("this API key is limited to a feature, team or user: this endpoint is the whole tenant's")
    return key


def tenant_of(request: Request) -> str:
    """The tenant that a request without a body is about."""
    return tenant_for(key_of(request), said_name(request.headers, {}, "tenant"))


def bearer(headers: Headers) -> str:
    """The key's text. Raises `Unauthorized` without one, and for two: who of two would be believed?"""
    lines = headers.getlist("authorization")
    scheme, _, text = lines[0].strip().partition(" ") if len(lines) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not text.strip():
        raise Unauthorized(NEEDED)
    return text.strip()


@lru_cache(maxsize=256)
def _is_own_name(host: str) -> bool:
    """Whether a Host header (RFC 9110, section 7.2) has a name that nobody else can own: `localhost`, or an address."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:  # nobody's
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in {"", "localhost"} or name.endswith(".localhost")
    return True


def is_nearby(scope: Mapping[str, Any]) -> bool:
    """Whether the peer is this machine, and speaks for nobody else.

    A peer with the address that it speaks to is this machine too: no kernel takes such a packet from outside. A proxy
    that says for whom it speaks is no peer of the local key, wherever it runs. Nor is a page in a browser here, whose
    own name was made to lead to us: it calls us by that name.
    """
    client, server, headers = scope.get("client"), scope.get("server"), Headers(scope=dict(scope))
    if not client or any(name in FORWARDED for name in headers) or not _is_own_name(headers.get("host", "")):
        return False
    return is_loopback(str(client[0])) or bool(server and server[0] == client[0])
