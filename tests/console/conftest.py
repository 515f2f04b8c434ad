"""The console in a real Chromium over a month that nobody had."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import uvicorn

from tests.console.fake_month import Month
from tests.console.fake_server import KEY, fake_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OpenPage = Callable[..., "Page"]


@contextmanager
def console_of(month: Month) -> Iterator[str]:
    """The console over this month, on a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = fake_app(month)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/console/"
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def console_url() -> Iterator[str]:
    """The console over 200 features."""
    with console_of(Month(time.time(), features=200)) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """The machine's own Chromium; `LEANSERVE_CHROMIUM` names another."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = os.environ.get("LEANSERVE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        yield found
        found.close()


def complains(said: "ConsoleMessage") -> bool:
    """Whether something is wrong with the page; that `/admin` refuses something is not."""
    return said.type in {"error", "warning"} and "/admin/" not in said.location["url"]


@pytest.fixture
def open_page(browser: "Browser", console_url: str) -> Iterator[OpenPage]:
    """A page of its own, by width and theme, signed in unless told otherwise. What it complains of fails the test."""
    contexts, complaints = [], list[str]()

    def opened(
        width: int = 1280, theme: str = "light", signed_in: bool = True, url: str = console_url, before: str = ""
    ) -> "Page":
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if complains(said) else None)
        page.add_init_script(before)
        page.goto(url)
        if signed_in:
            page.get_by_label("Admin key").fill(KEY)
            page.get_by_role("button", name="Open").click()
            page.locator("#view .card").first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
