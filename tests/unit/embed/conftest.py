"""The real MiniLM, loaded once for all tests of the room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config.gateway import EmbedderSpec
from app.embed.sentence import SentenceEmbedder
from app.embed.source import WHEEL, find_embedder, packaged


@pytest.fixture(scope="session")
def folder() -> Path:
    """The packaged all-MiniLM-L6-v2; skips where neither the wheel nor a download is wanted."""
    if packaged(WHEEL) is None:
        pytest.skip(f"the wheel {WHEEL} is not installed, and unit tests download nothing")
    return Path(find_embedder(EmbedderSpec().model))


@pytest.fixture(scope="session")
def minilm(folder: Path) -> Iterator[SentenceEmbedder]:
    """It, as the graph opens it."""
    embedder = SentenceEmbedder.open(EmbedderSpec(), str(folder))
    yield embedder
    embedder.close()


@pytest.fixture
def own_folder(folder: Path, tmp_path: Path) -> Path:
    """A copy of it to edit; the weights are a link."""
    for path in (each for each in folder.rglob("*") if each.suffix == ".json"):
        copy = tmp_path / path.relative_to(folder)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").symlink_to(folder / "model.safetensors")
    return tmp_path
