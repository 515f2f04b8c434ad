"""The console's files: which there are, and that none reaches beyond its own server."""

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from app.console.files import STATIC, console_files

OWN = [name for name in console_files() if not name.startswith("vendor/")]


def text_of(name: str) -> str:
    """A file's text."""
    return console_files()[name].content.decode()


def test_every_file_is_served_and_no_other() -> None:
    """What lies in the folder is what is served: a stray file would be public."""
    served = set(console_files())
    assert served == {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()}
    views = {"audit", "budgets", "outcomes", "path", "request", "requests", "spend", "work"}
    modules = {"api", "charts", "dom", "format", "main", "parts", "reports", "theme"}
    vendored = {"vendor/LICENSE", "vendor/uPlot.iife.min.js", "vendor/uPlot.min.css"}
    pages = {"index.html", "style.css", "parts.css", "icon.svg"}
    assert served == {f"views/{name}.js" for name in views} | {f"{name}.js" for name in modules} | vendored | pages


def test_types_and_tags() -> None:
    """A browser that sniffs nothing runs the modules, and other bytes have another tag."""
    files = console_files()
    assert files["main.js"].content_type.startswith("text/javascript")
    assert files["index.html"].content_type == "text/html; charset=utf-8"
    assert len({file.tag for file in files.values()}) == len(files)


def test_what_does_not_belong_there_is_not_served(tmp_path: Path) -> None:
    """An editor's leavings and other types stay where they are."""
    for name in ("page.html", "page.html~", "notes.py", ".swp.bin"):
        (tmp_path / name).write_text("x")
    assert set(console_files(tmp_path)) == {"page.html"}


@pytest.mark.parametrize("name", [*OWN, "vendor/uPlot.iife.min.js", "vendor/uPlot.min.css"])
def test_no_file_names_an_outside_host(name: str) -> None:
    """Nothing is loaded from, sent to or linked to elsewhere. The names of SVG's and licence pages load nothing."""
    hosts = set(re.findall(r"(?:https?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)+)", text_of(name), re.IGNORECASE))
    assert hosts <= ({"github.com"} if name.startswith("vendor/") else {"www.w3.org"})


@pytest.mark.parametrize("name", OWN)
def test_names_cannot_become_html_or_code(name: str) -> None:
    """No door from text to HTML or code, and nothing inline that the policy would refuse."""
    text = text_of(name)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", text)
    if name.endswith(".html"):
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script>|javascript:", text)


def test_every_import_is_a_file() -> None:
    """A misspelt module would be a blank page."""
    files = console_files()
    for name in (name for name in OWN if name.endswith(".js")):
        for target in re.findall(r'(?:from|import\()\s*"(\.[^"]+)"', text_of(name)):
            path = (STATIC / name).parent.joinpath(target).resolve().relative_to(STATIC.resolve())
            assert path.as_posix() in files, f"{name} imports {target}"


def test_the_page_names_files_that_there_are() -> None:
    """Scripts, styles and what is loaded ahead."""
    named = re.findall(r'(?:src|href)="([^"#]+)"', text_of("index.html"))
    assert named
    assert set(named) <= set(console_files())


def test_it_is_small() -> None:
    """All that a first visit loads, in bytes as sent."""
    assert sum(len(file.content) for file in console_files().values()) < 160_000


@pytest.mark.skipif(shutil.which("node") is None, reason="no node to parse the scripts with")
def test_money_is_read_exactly() -> None:
    """Dollars as text become millionths without a float's error, and are shown with the places that they need."""
    script = (
        f"const f = await import({json.dumps((STATIC / 'format.js').as_uri())});"
        "console.log(JSON.stringify([f.micro('0.123456'), f.micro('-12.3'), f.micro('9007199.254740'), f.micro('x'),"
        "f.usd(0), f.usd(7), f.usd(45000), f.usd(1234567890), f.usd(-2500000), f.share(1, 0), "
        "f.axisUsd([0, 100000, 250000]), "
        "f.axisUsd([0, 2, 4]), f.axisUsd([0, 5e10, 1e11]), f.usd(-4, 2), [4, 0, -1e10].map(f.alike([4, 0, -1e10])),"
        "[4, 0, 45000].map(f.alike([4, 0, null, 45000, 'none'])), f.alike([])(0), f.number(-19.99)]))"
    )
    found = subprocess.run(["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == [
        *(123456, -12300000, 9007199254740, 0),
        *("$0.00", "$0.000007", "$0.0450", "$1,234.57", "−$2.50", "–", ["$0", "$0.1", "$0.25"]),
        *(["$0", "$0.000002", "$0.000004"], ["$0", "$50K", "$100K"], "−<$0.01"),
        *(["<$0.01", "$0.00", "−$10,000.00"], ["$0.000004", "$0.000000", "$0.045000"], "$0.00", "−19.99"),
    ]


def test_the_wheel_holds_what_is_served(tmp_path: Path) -> None:
    """Who installs the package has the page, and the licence of what is vendored in it."""
    builder = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed")
    root = Path(__file__).parents[3]
    wheel = next(iter(builder.WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])))
    held = {
        name.removeprefix("app/console/static/") for name in zipfile.ZipFile(wheel).namelist() if "/static/" in name
    }
    assert held == set(console_files())
