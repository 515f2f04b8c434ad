"""`leanserve prices` on the real command line, against a real server."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.root import cli
from app.cli.server import key_for
from app.config.load import load_policy
from app.config.prices import GpuPrice
from app.errors import ConfigError
from tests.unit.cli.test_commands import CONFIG


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "serve.yaml"
    dated = 'prices: {small: [{input: 1, output: "2.50"}, {from: "2027-01-01", input: 3, output: 4, batch: "0.5"}]}'
    path.write_text(CONFIG.replace("prices: {small: {input: 1, output: 2}}", dated))
    return path


class Slow(BaseHTTPRequestHandler):
    """An engine of a thousand tokens a second for each request."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        read, written = len(body["messages"][0]["content"].split()), body["max_tokens"]
        time.sleep((read + written) / 1000)
        told = json.dumps({"usage": {"prompt_tokens": read, "completion_tokens": written}}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as found:
        threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def test_show_tells_numbers_version_and_the_next_change(config: Path) -> None:
    """Of each backend, at any date; JSON for machines."""
    result = CliRunner().invoke(cli, ["prices", "show", str(config), "--json", "--at", "2026-12-31"])
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.output)
    assert row["backend"] == "small/echo"
    assert (row["input"], row["cached_input"], row["output"], row["batch"]) == ("1", "1", "2.50", "1")
    assert row["changes"] == "2027-01-01T00:00:00+00:00"
    later = CliRunner().invoke(cli, ["prices", "show", str(config), "--at", "2027-01-01"])
    assert "2027-01-01." in later.output


def test_show_of_a_price_that_nobody_knows_is_an_error(config: Path) -> None:
    """As at start-up: one line, never zero."""
    config.write_text(config.read_text().replace('{input: 1, output: "2.50"}', "{upstream: openai/gpt-none}"))
    result = CliRunner().invoke(cli, ["prices", "show", str(config)])
    assert result.exit_code != 0


def test_calibrate_writes_the_price_of_what_it_measured(server: str, tmp_path: Path) -> None:
    """Four at once of a thousand tokens a second each; the file holds rates and date, nothing else is touched."""
    output = tmp_path / "policy.yaml"
    options = {"model": "m", "name": "small", "url": f"{server}/v1", "output": str(output), "gpu-usd-per-hour": "3.6"}
    options |= {"seconds": "3", "at-once": "4", "words": "200", "output-tokens": "100", "from": "2026-12-01"}
    result = CliRunner().invoke(cli, ["prices", "calibrate", *(f"--{name}={value}" for name, value in options.items())])
    assert result.exit_code == 0, result.output
    (found,) = load_policy(output).prices["small"]
    assert isinstance(found, GpuPrice)
    assert 2000 < found.input_tokens_per_s < 4400
    assert 2000 < found.output_tokens_per_s < 4400
    assert found.cached_input_tokens_per_s is None
    assert "output:" in result.output


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://127.0.0.1:8000", "local"),
        ("http://localhost", "local"),
        ("http://[::1]:8000/v1", "local"),
        ("http://127.0.0.1.example.com", ""),
        ("http://localhost@example.com", ""),
        ("https://example.com", ""),
        ("http://[", ""),
    ],
)
def test_a_laptops_own_server_needs_no_key(url: str, key: str) -> None:
    """Only on loopback, and only where the environment names none."""
    assert key_for(url, {}) == key
    assert key_for(url, {"LEANSERVE_API_KEY": "sk-1"}) == "sk-1"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--gpu-usd-per-hour=x"],
        ["--gpus=0"],
        ["--busy=2"],
        ["--from=2026-99-01"],
        ["--policy=none.yaml"],
        ["--model=auto"],
        ["--output=/dev/null/policy.yaml"],
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_asked(wrong: list[str], tmp_path: Path) -> None:
    """In our own words; no request is made, no file written: nobody measures for an hour to hear of it."""
    output = tmp_path / "policy.yaml"
    said = ["--model=m", f"--output={output}", "--gpu-usd-per-hour=1", "--url=http://127.0.0.1:9", *wrong]
    result = CliRunner().invoke(cli, ["prices", "calibrate", *said])
    assert isinstance(result.exception, ConfigError)
    assert "nothing was answered" not in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """And no policy."""
    output = tmp_path / "policy.yaml"
    said = ["--model=m", f"--output={output}", "--gpu-usd-per-hour=1", "--seconds=3", "--url=http://127.0.0.1:9"]
    result = CliRunner().invoke(cli, ["prices", "calibrate", *said])
    assert result.exit_code != 0
    assert "nothing was answered" in str(result.exception)
    assert not output.exists()
