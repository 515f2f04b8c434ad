"""A ledger on the session's real Redis."""

import pytest

from app.ledger.posting import Posting
from app.ledger.reading import LedgerReader
from app.store.client import Store


@pytest.fixture
def posting(store: Store) -> Posting:
    return Posting(store)


@pytest.fixture
def reader(store: Store) -> LedgerReader:
    return LedgerReader(store)
