"""Replicas on one Redis."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio

from app.cache.flights.flights import Flights
from app.store.client import open_store
from tests.unit.cache.flying import LEASE_S, PATIENT, FakeModel, FragileStore, Replica, Step

Launch = Callable[..., Awaitable[list[Replica]]]


@pytest_asyncio.fixture
async def launch(clean_redis: str) -> AsyncIterator[Launch]:
    """Open replicas that share one fake model, which says the given scripts."""
    stores: list[FragileStore] = []

    async def opened(*scripts: list[Step], replicas: int = 2, **options: Any) -> list[Replica]:
        model = FakeModel(list(scripts))
        stores.extend([FragileStore(await open_store(clean_redis, PATIENT)) for _ in range(replicas)])
        return [
            Replica(Flights(store, **{"lease_s": LEASE_S, **options}), store, model) for store in stores[-replicas:]
        ]

    yield opened
    for store in stores:
        await store.close()
