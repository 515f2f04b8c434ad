"""`/console` on a whole gateway: open, strict about what its page may do, and empty of data."""

import httpx
import pytest

from app.console.files import console_files
from tests.api.conftest import Serve
from tests.harness import Running

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}


def get(running: Running, path: str, **options: str) -> httpx.Response:
    """Without a key."""
    return httpx.get(f"{running.url}{path}", headers=options)


def test_the_page_is_open_and_what_it_asks_is_not(strict: Running) -> None:
    """Who has no key sees a page that asks for one; every number is behind `/admin`."""
    page = get(strict, "/console/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert 'id="key"' in page.text
    assert get(strict, "/admin/budgets").status_code == 401


@pytest.mark.parametrize("path", ["/console/", "/console/main.js", "/console/vendor/uPlot.min.css", "/console"])
def test_every_answer_carries_the_policy(strict: Running, path: str) -> None:
    """Nothing inline, nothing from elsewhere, no text that becomes HTML, in nobody's frame."""
    headers = get(strict, path).headers
    said = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert said == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


def test_without_the_slash_one_is_led_there(strict: Running) -> None:
    """Relative, so that it holds behind a proxy with a prefix."""
    answer = get(strict, "/console")
    assert (answer.status_code, answer.headers["location"]) == (308, "console/")


def test_all_files_come_as_they_are_and_once(strict: Running) -> None:
    """Byte for byte; who shows the tag is told that nothing changed."""
    for name, file in console_files().items():
        answer = get(strict, f"/console/{name}")
        assert (answer.status_code, answer.content) == (200, file.content)
        again = get(strict, f"/console/{name}", **{"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["nothing.js", "../files.py", "%2e%2e/files.py", "..%2f__init__.py", "/etc/passwd", "views/"]
)
def test_no_path_leads_out(serve: Serve, path: str) -> None:
    """What is no file of the console is not found, in OpenAI's error format."""
    answer = httpx.get(httpx.URL(f"{serve().url}/console/").copy_with(raw_path=f"/console/{path}".encode()))
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] in {"not_found", "invalid_request", "invalid_request_error"}
