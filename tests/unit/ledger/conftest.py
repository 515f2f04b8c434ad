"""A ledger on the session's real Redis, and records made by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.ledger.posting import Posting
from app.ledger.reading import LedgerReader
from app.ledger.spool import Spool
from app.store.client import Store


@pytest.fixture
def posting(store: Store) -> Posting:
    return Posting(store)


@pytest.fixture
def reader(store: Store) -> LedgerReader:
    return LedgerReader(store)


@pytest.fixture
def spool_of(tmp_path: Path) -> Callable[[], Spool]:
    """Spools in one folder; those that were not closed die with the test."""
    return lambda: Spool(tmp_path / "spool")
