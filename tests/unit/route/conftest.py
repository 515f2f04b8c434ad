"""The embedder that the head was trained on."""

import pytest

from app.embed.batching import Encode
from app.embed.sentence import open_encoder
from app.embed.source import WHEEL, find_embedder, packaged


@pytest.fixture(scope="session")
def encode() -> Encode:
    """The packaged all-MiniLM-L6-v2, blocking."""
    if packaged(WHEEL) is None:
        pytest.skip(f"the wheel {WHEEL} is not installed, and unit tests download nothing")
    return open_encoder(find_embedder("all-MiniLM-L6-v2"), 1)
