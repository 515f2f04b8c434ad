"""What outcomes cost, and who carries the failures."""

import time

import pytest

from app.learn.records import Outcome
from app.ledger.outcomes import OutcomeBook, session_subject
from app.ledger.posting import Posting
from app.ledger.reading import LedgerReader
from app.ledger.rollups import DAY_S
from app.report.outcomes import outcome_report
from app.report.sheet import outcome_sheet
from app.report.window import window_of
from app.store.client import Store
from tests.unit.ledger.made import ENTRY, entries, record


async def nothing() -> None:
    """No record waits."""


@pytest.fixture
def book(store: Store) -> OutcomeBook:
    return OutcomeBook(store, nothing)


async def tell(book: OutcomeBook, request: str, kind: str, outcome: Outcome) -> None:
    subject = await book.request("acme", request)
    assert subject
    await book.book("acme", subject, kind, outcome)


async def test_successes_carry_what_the_failures_cost(
    posting: Posting, reader: LedgerReader, book: OutcomeBook
) -> None:
    """One solved ticket of two costs both of them; what the feature spent beside is told too."""
    dear = record(feature="triage", attempts=(ENTRY,) * 3)
    cheap, silent = record(feature="triage"), record(feature="triage")
    await posting.post("spool", entries([dear, cheap, silent, record(feature="faq")]))
    await tell(book, dear.id, "solved", Outcome(False))
    await tell(book, cheap.id, "solved", Outcome(True, 2.5))
    found = (await outcome_report(reader, "acme", window_of("1d", "", time.time()))).told()
    [row] = found["rows"]
    assert row == {
        "feature": "triage",
        "type": "solved",
        "outcomes": 2,
        "successes": 1,
        "value": 2.5,
        "micro_usd": 80,
        "micro_usd_per_outcome": 40.0,
        "micro_usd_per_success": 80.0,
        "feature_requests": 3,
        "feature_micro_usd": 100,
    }
    assert found["other"] is None


async def test_without_a_success_there_is_no_cost_of_one(reader: LedgerReader, book: OutcomeBook) -> None:
    """It is not zero, and not infinite."""
    await book.book("acme", session_subject("s", "agent", 70, time.time()), "done", Outcome(False))
    report = await outcome_report(reader, "acme", window_of("1d", "", time.time()))
    [row] = report.told()["rows"]
    assert (row["micro_usd_per_outcome"], row["micro_usd_per_success"], row["feature_micro_usd"]) == (70.0, None, 0)
    assert outcome_sheet(report).splitlines()[1] == '"agent","done",1,0,0.0,70,70.0,"",0,0'


async def test_types_are_told_by_themselves_and_the_rest_is_added_up(reader: LedgerReader, book: OutcomeBook) -> None:
    """A cost counts in each type that was told of it: they do not add up."""
    for number in range(5):
        subject = session_subject(f"s{number}", f"f{number}", 10 * number, time.time())
        for kind in ("done", "liked"):
            await book.book("acme", subject, kind, Outcome(kind == "done"))
    found = (await outcome_report(reader, "acme", window_of("1d", "", time.time()), limit=2)).told()
    assert [row["feature"] for row in found["rows"]] == ["f4", "f4"]
    assert found["other"] == {"rows": 8, "outcomes": 8, "successes": 4, "value": 0.0, "micro_usd": 120}
    assert [
        (each["type"], each["outcomes"], each["micro_usd"], each["micro_usd_per_success"]) for each in found["types"]
    ] == [
        ("done", 5, 100, 20.0),
        ("liked", 5, 100, None),
    ]


async def test_an_outcome_is_of_the_window_of_its_request(reader: LedgerReader, book: OutcomeBook) -> None:
    """However late it was told."""
    await book.book("acme", session_subject("s", "f", 1, time.time() - 5 * DAY_S), "done", Outcome(True))
    for since, rows in (("2d", 0), ("6d", 1)):
        found = await outcome_report(reader, "acme", window_of(since, "", time.time()))
        assert len(found.rows()) == rows
