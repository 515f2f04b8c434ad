"""A ledger whose Redis reads the time from a key."""

import pytest

from app.store.client import Store
from tests.unit.budget.bench import Bench


@pytest.fixture
async def bench(store: Store) -> Bench:
    made = Bench(store)
    await made.at(made.now)
    return made
