"""What every test may ask for: a real Redis, empty."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings

from app.store.embedded import EmbeddedRedis

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def no_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test speaks TLS. Left as it is, each HTTP client that is made reads all certificate authorities: 40 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSL_CERT_FILE", raising=False)
        patch.setenv("SSL_CERT_DIR", str(tmp_path_factory.mktemp("authorities")))
        yield


MEMORY, ROOM_BYTES = Path("/dev/shm"), 2**30


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """One real Redis for the whole session; what earlier tests wrote may still be in it.

    It syncs each command, which is 2 ms on many a disk, so its files are in memory where there is room. Tests that kill
    a Redis start their own on the disk.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    place = tempfile.TemporaryDirectory(prefix="leanserve-", dir=MEMORY if roomy else None)
    with place as folder, EmbeddedRedis(Path(folder)) as server:
        yield server.url


@pytest.fixture
def clean_redis(redis_url: str) -> str:
    """The same Redis, emptied."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url
