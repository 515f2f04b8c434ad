"""Who is asking: the key, and LeanServe's headers or OpenAI's own fields."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from app.domain import DEFAULT_TENANT, Caller, Lane
from app.errors import ConfigError, InvalidRequest, Unauthorized

HEADER = "x-leanserve-"
MAX_NAME = 128


class KeyRing:
    """API keys by hash, each of one tenant. Empty means open: everybody may enter and name a tenant."""

    def __init__(self, tenants_by_hash: Mapping[bytes, str]) -> None:
        self._tenants = dict(tenants_by_hash)

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """From `tenant:key,tenant:key` (the secret `LEANSERVE_API_KEYS`). Raises `ConfigError`, naming no key."""
        tenants: dict[bytes, str] = {}
        for pair in filter(None, (part.strip() for part in text.split(","))):
            tenant, _, key = pair.partition(":")
            if not tenant or not key:
                raise ConfigError("LEANSERVE_API_KEYS must be a list of tenant:key, separated by commas")
            tenants[_digest(key)] = tenant
        return cls(tenants)

    @property
    def open(self) -> bool:
        """Whether no key is needed."""
        return not self._tenants

    def tenant(self, authorization: str, named: str) -> str:
        """The tenant of the key. Raises `Unauthorized` without a right key, or when `named` is another tenant."""
        if self.open:
            return named or DEFAULT_TENANT
        scheme, _, key = authorization.partition(" ")
        digest = _digest(key.strip()) if scheme.lower() == "bearer" else b""
        owner = next((t for known, t in self._tenants.items() if hmac.compare_digest(known, digest)), None)
        if owner is None:
            raise Unauthorized("a valid API key is needed: Authorization: Bearer <key>")
        if named not in {"", owner}:
            raise Unauthorized("the API key does not belong to the named tenant")
        return owner


def caller_of(headers: Mapping[str, str], payload: Mapping[str, Any], keys: KeyRing) -> Caller:
    """The caller from the `x-leanserve-*` headers, else from `user` and `metadata`. Raises `InvalidRequest`."""
    metadata = payload.get("metadata") or {}

    def said(name: str, fallback: Any = "") -> str:
        return checked_name(name, headers.get(HEADER + name) or metadata.get(name) or fallback or "")

    return Caller(
        tenant=keys.tenant(headers.get("authorization", ""), said("tenant")),
        team=said("team"),
        feature=said("feature"),
        user=said("user", payload.get("user")),
        session=said("session"),
        lane=_lane(said("lane", Lane.INTERACTIVE)),
    )


def _lane(name: str) -> Lane:
    try:
        return Lane(name)
    except ValueError:
        raise InvalidRequest("x-leanserve-lane must be interactive or batch", "x-leanserve-lane") from None


def checked_name(name: str, value: Any) -> str:
    """`value`, once it is known to be fit for a name. Raises `InvalidRequest`, naming the field."""
    if not isinstance(value, str) or len(value) > MAX_NAME or not value.isprintable():
        raise InvalidRequest(f"{name} must be printable text of at most {MAX_NAME} characters", name)
    return value


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
