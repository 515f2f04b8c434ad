"""On whose account a request is: what its key is pinned to, and LeanServe's headers or OpenAI's own fields."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from app.access.rights import feature_for, pinned, tenant_for
from app.api.guard import key_of
from app.api.names import said_name
from app.domain import Caller, Lane
from app.errors import InvalidRequest


def caller_of(request: Request, payload: Mapping[str, Any]) -> Caller:
    """The caller from the `x-leanserve-*` headers, else from `user` and `metadata`, within the key's rights.

    Raises `InvalidRequest`, and `Forbidden` for what the key has no right to.
    """
    headers, metadata, key = request.headers, payload.get("metadata") or {}, key_of(request)

    def said(name: str, fallback: Any = "") -> str:
        return said_name(headers, metadata, name, fallback)

    return Caller(
        tenant=tenant_for(key, said("tenant")),
        team=pinned("team", key.rights.team, said("team")),
        feature=feature_for(key.rights, said("feature")),
        user=pinned("user", key.rights.user, said("user", payload.get("user"))),
        session=said("session"),
        lane=_lane(said("lane", Lane.INTERACTIVE)),
        key=key.id,
        former=key.former,
    )


def _lane(name: str) -> Lane:
    try:
        return Lane(name)
    except ValueError:
        raise InvalidRequest("x-leanserve-lane must be interactive or batch", "x-leanserve-lane") from None
