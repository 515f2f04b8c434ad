"""What came of requests, beside what they cost: once, late, changed, and in the day of the request."""

import time

import pytest

from app.learn.records import Outcome
from app.ledger.outcomes import FULL, MOST_TYPES, OutcomeBook, session_subject
from app.ledger.posting import Posting
from app.ledger.reading import LedgerReader, named
from app.ledger.rollups import DAY_S
from app.store.client import Store
from tests.unit.ledger.made import day, entries, record


async def nothing() -> None:
    """No record waits."""


@pytest.fixture
def book(store: Store) -> OutcomeBook:
    return OutcomeBook(store, nothing)


async def sums(reader: LedgerReader, at: float | None = None) -> tuple[int, ...]:
    """Outcomes, successes, value and cost of a day."""
    cells = await day(reader, "outcome", at=at)
    found = named(cells.by()[()]) if cells.values else {}
    return tuple(found.get(name, 0) for name in ("outcomes", "successes", "value_micro", "outcome_micro_usd"))


async def test_an_outcome_counts_once_with_what_its_request_cost(
    posting: Posting, reader: LedgerReader, book: OutcomeBook
) -> None:
    """By its feature and type; of another tenant's request nobody knows."""
    one = record(feature="triage")
    await posting.post("spool", entries([one]))
    subject = await book.request("acme", one.id)
    assert subject
    assert await book.request("rival", one.id) is None
    assert [await book.book("acme", subject, "solved", Outcome(True, 2.5)) for _ in range(3)] == [1, 0, 0]
    assert await sums(reader) == (1, 1, 2_500_000, 20)
    assert (await day(reader, "outcome")).values == [("triage", "solved")]


async def test_another_word_books_the_difference(posting: Posting, reader: LedgerReader, book: OutcomeBook) -> None:
    """A ticket is opened again, and solved again for less."""
    one = record()
    await posting.post("spool", entries([one]))
    subject = await book.request("acme", one.id)
    assert subject
    said = [Outcome(True, 5), Outcome(False), Outcome(True, -0.5), Outcome(True, -0.5)]
    assert [await book.book("acme", subject, "solved", each) for each in said] == [1, 1, 1, 0]
    assert await sums(reader) == (1, 1, -500_000, 20)


async def test_a_late_outcome_is_of_the_requests_day(posting: Posting, reader: LedgerReader, book: OutcomeBook) -> None:
    """Told days after it was asked."""
    asked = time.time() - 5 * DAY_S
    one = record(asked)
    await posting.post("spool", entries([one]))
    subject = await book.request("acme", one.id)
    assert subject
    await book.book("acme", subject, "solved", Outcome(True))
    assert await sums(reader, asked) == (1, 1, 0, 20)
    assert await sums(reader) == (0, 0, 0, 0)


async def test_a_session_that_goes_on_costs_more_when_it_is_told_again(reader: LedgerReader, book: OutcomeBook) -> None:
    """No news, but the cost is that of now, in the day of the first word."""
    first, later = time.time() - 3 * DAY_S, time.time()
    assert await book.book("acme", session_subject("s", "agent", 100, first), "done", Outcome(True)) == 1
    assert await book.book("acme", session_subject("s", "agent", 250, later), "done", Outcome(True)) == 0
    assert await sums(reader, first) == (1, 1, 0, 250)
    assert await sums(reader) == (0, 0, 0, 0)


async def test_a_request_has_so_many_types(book: OutcomeBook, reader: LedgerReader) -> None:
    """A known one can still change."""
    subject = session_subject("s", "f", 1, time.time())
    told = [await book.book("acme", subject, f"t{number}", Outcome(True)) for number in range(MOST_TYPES + 2)]
    assert told == [1] * MOST_TYPES + [FULL] * 2
    assert await book.book("acme", subject, "t0", Outcome(False)) == 1
    assert (await sums(reader))[:2] == (MOST_TYPES, MOST_TYPES - 1)


async def test_sums_end_where_they_are_exact(book: OutcomeBook, reader: LedgerReader) -> None:
    """Values without end are the tenant's own; they wrap around into nobody's debt."""
    for number in range(12):
        subject = session_subject(f"s{number}", "f", 1, time.time())
        await book.book("acme", subject, "t", Outcome(True, 1e9))
    assert (await sums(reader))[2] == 2**53 - 1
