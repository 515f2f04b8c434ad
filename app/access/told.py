"""What is said of a key, to admins."""

import math
from datetime import UTC, datetime
from typing import Any

from app.access.key import Key


def told(key: Key) -> dict[str, Any]:
    """What may be said of a key: everything but its digest."""
    rights = key.rights
    return {
        "id": key.id,
        "object": "key",
        "tenant": key.tenant,
        "name": key.name,
        "prefix": key.prefix or None,
        "source": key.source,
        "models": rights.models,
        "features": rights.features,
        "team": rights.team or None,
        "user": rights.user or None,
        "admin": rights.admin,
        "created_at": iso(key.created) if key.created else None,
        "expires_at": iso(key.expires),
        "disabled": key.disabled,
        "replaced_by": key.replaced_by or None,
        "retires_at": iso(key.retires),
    }


def iso(seconds: float | None) -> str | None:
    """A time as ISO 8601 in UTC; None stays."""
    if seconds is None or not math.isfinite(seconds):
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
