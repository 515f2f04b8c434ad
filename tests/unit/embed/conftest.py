"""The real MiniLM, loaded once for all tests of the room."""

from collections.abc import Iterator

import pytest

from app.config.gateway import EmbedderSpec
from app.embed.sentence import SentenceEmbedder
from app.embed.source import WHEEL, find_embedder, packaged


@pytest.fixture(scope="session")
def minilm() -> Iterator[SentenceEmbedder]:
    """The packaged all-MiniLM-L6-v2; skips where neither the wheel nor a download is wanted."""
    if packaged(WHEEL) is None:
        pytest.skip(f"the wheel {WHEEL} is not installed, and unit tests download nothing")
    spec = EmbedderSpec()
    embedder = SentenceEmbedder.open(spec, find_embedder(spec.model))
    yield embedder
    embedder.close()
