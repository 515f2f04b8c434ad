"""What the tests of the store share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store.embedded import EmbeddedRedis, free_port


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that the test may freeze and kill."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        yield server
