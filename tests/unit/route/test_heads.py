"""The packaged head: it loads, or nothing starts."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from app.cli.up import check_head
from app.errors import ConfigError
from app.route.head import WEIGHTS, RouteHead
from app.route.heads import Head, load_head
from tests.fakes import FakeEmbedder

FOLDER = Path(str(files("app.route") / "weights"))


def test_the_packaged_head_judges() -> None:
    """Chances of three capabilities, a score, and a reference for mean prices."""
    head = load_head()
    judgement = head.judge(FakeEmbedder().vector("hello"), "hello")
    assert 0 <= judgement.score <= 1
    assert all(0 <= chance <= 1 for chance in judgement.chances)
    assert head.reference.ndim == 2
    assert head.reference.shape[1] == 3


def from_file(path: Path) -> Head:
    return RouteHead.from_bytes(path.read_bytes())


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    return data[:5000] + b"\x00" * 500 + data[5500:]


@pytest.mark.parametrize("damage", [lambda _: b"", lambda _: b"no archive", truncated, flipped, None])
def test_a_missing_or_corrupt_head_stops_the_start_up(damage: Callable[[bytes], bytes] | None, tmp_path: Path) -> None:
    """With a message that names the way out, before anything runs."""
    path = tmp_path / "head.npz"
    if damage:
        path.write_bytes(damage((FOLDER / WEIGHTS).read_bytes()))
    with pytest.raises(ConfigError, match=r"^the router's head cannot be loaded .*; `leanserve route train` makes it$"):
        load_head(lambda: from_file(path))


def test_up_looks_for_the_head_before_anything_else() -> None:
    """The file is there, so it goes on."""
    check_head()
