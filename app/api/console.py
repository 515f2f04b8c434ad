"""`/console`: the page that shows an admin where the money goes.

Open to who shows no key, as it holds nothing: what it shows it asks of `/admin`, with the key that its reader types.
"""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.console.files import ConsoleFile, console_files
from app.errors import NotFound

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Nothing from elsewhere, nothing inline, and no text that becomes HTML or code: names that clients say are on it."""

HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-cache",
}
"""`no-cache`: kept, but asked for anew each time, so that a new release is one page and not two halves."""


class ConsoleRoutes:
    """The files of the console, from memory."""

    def __init__(self, files: Mapping[str, ConsoleFile] | None = None) -> None:
        self._files = console_files() if files is None else files
        self.router = APIRouter()
        self.router.add_api_route("/console", self.enter, methods=["GET", "HEAD"])
        self.router.add_api_route("/console/{path:path}", self.file, methods=["GET", "HEAD"])

    async def enter(self) -> Response:
        """To the page, relative to where a proxy may have put it."""
        return RedirectResponse("console/", status_code=308, headers=dict(HEADERS))

    async def file(self, request: Request, path: str) -> Response:
        """A file, or 304 to who has it. Raises `NotFound`."""
        found = self._files.get(path or "index.html")
        if found is None:
            raise NotFound("the console has no such file")
        headers = {**HEADERS, "etag": found.tag}
        if request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=headers)
        return Response(found.content, media_type=found.content_type, headers=headers)
