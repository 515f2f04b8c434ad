"""The packaged head: it loads, or nothing starts."""

import logging
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from app.cli.up import check_head
from app.config.gateway import EmbedderSpec, GatewayConfig
from app.errors import ConfigError
from app.route.head import TRAINED_ON, WEIGHTS, RouteHead
from app.route.heads import Head, check_embedder, load_head
from deployments.router import ComplexityRouterDeployment
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
    check_head(EmbedderSpec())


ANOTHER = EmbedderSpec(model="someone/another-model")


def test_the_head_was_trained_on_the_default_embedder() -> None:
    """A new default, or new vectors of the old one, want a new head."""
    assert EmbedderSpec().identity == TRAINED_ON


def test_another_model_stops_every_way_of_starting() -> None:
    """Before a vector of another length or meaning can reach a request; the message says what to do."""
    tier = {"name": "small", "model": "m", "context_tokens": 9, "max_output_tokens": 9, "backends": [{"kind": "echo"}]}
    config = GatewayConfig.model_validate({"tiers": [tier], "embedder": ANOTHER})
    for opened in (lambda: check_head(ANOTHER), lambda: ComplexityRouterDeployment(config)):
        with pytest.raises(ConfigError, match=r"someone/another-model; leave the model out: `leanserve route train`"):
            opened()


@pytest.mark.parametrize(
    ("embedder", "warnings"),
    [
        (EmbedderSpec(), 0),
        (EmbedderSpec(model="sentence-transformers/all-MiniLM-L6-v2"), 0),
        (EmbedderSpec(arithmetic="float32"), 1),
    ],
)
def test_the_same_model_is_read_in_any_arithmetic(
    embedder: EmbedderSpec, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning where it is not the training's; its owner's name makes no other model of it."""
    with caplog.at_level(logging.WARNING, "leanserve.route"):
        check_embedder(embedder)
    assert len(caplog.records) == warnings
