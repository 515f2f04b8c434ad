"""A store on the session's real Redis, emptied."""

from collections.abc import AsyncIterator

import pytest_asyncio

from app.config.gateway import StoreSpec
from app.store.client import Store, open_store

PATIENT = StoreSpec(timeout_s=5)
"""Tests share two cores: only tests of the time-out itself are short of patience."""


@pytest_asyncio.fixture
async def store(clean_redis: str) -> AsyncIterator[Store]:
    opened = await open_store(clean_redis, PATIENT)
    yield opened
    await opened.close()
