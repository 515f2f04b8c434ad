"""A running LeanServe, as commands speak to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.access.configured import LOCAL_TEXT
from app.errors import ConfigError, LeanServeError

DEFAULT_URL = "http://127.0.0.1:8000"
LOOPBACK = re.compile(r"https?://(127\.0\.0\.1|localhost|\[::1\])([:/]|$)")
TIMEOUT_S = 600.0
"""An invalidation of millions of entries takes minutes, in short steps."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is, and who asks. `tenant` is needed only where the server has no keys."""

    url: str = DEFAULT_URL
    api_key: str = ""
    tenant: str = ""

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """The JSON that a path answers with. Raises `LeanServeError` in the server's own words."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The same for a JSON body."""
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        import httpx  # noqa: PLC0415 - only where a server is asked

        try:
            response = httpx.request(method, self.url + path, headers=self._headers(), timeout=TIMEOUT_S, **options)
            body = response.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ConfigError(f"no LeanServe answers at {self.url}: {type(error).__name__}") from error
        if response.is_success and isinstance(body, dict):
            return body
        raise LeanServeError(_told(body) or f"the server answered with status {response.status_code}")

    def _headers(self) -> dict[str, str]:
        key = {"authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        return key | ({"x-leanserve-tenant": self.tenant} if self.tenant else {})


def key_for(url: str, environ: Mapping[str, str]) -> str:
    """`LEANSERVE_API_KEY`, else on loopback the key that opens a server without keys of its own."""
    return environ.get("LEANSERVE_API_KEY") or (LOCAL_TEXT if LOOPBACK.match(url) else "")


def _told(body: Any) -> str:
    """The message of OpenAI's error JSON, or nothing."""
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""
