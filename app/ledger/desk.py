"""What endpoints ask of the ledger."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.ledger.outcomes import OutcomeBook
from app.ledger.reading import LedgerReader
from app.store.client import Store


@dataclass(frozen=True, slots=True)
class LedgerDesk:
    """Who reads what was recorded, and who books what came of it."""

    reader: LedgerReader
    outcomes: OutcomeBook

    @classmethod
    def over(cls, store: Store, flush: Callable[[], Awaitable[None]]) -> "LedgerDesk":
        """On one Redis; `flush` sends the records that wait in this replica."""
        return cls(LedgerReader(store), OutcomeBook(store, flush))
