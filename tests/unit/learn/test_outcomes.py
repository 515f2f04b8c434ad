"""Outcomes of requests: once, late, changed, and never of another tenant's."""

import asyncio

import pytest

from app.agents.sessions import Sessions
from app.errors import InvalidRequest, NotFound
from app.learn.journal import MOST_FIELDS, RouteJournal
from app.learn.outcomes import Outcomes, Reported
from app.learn.reading import labelled
from app.learn.records import Outcome
from app.ledger.outcomes import OutcomeBook
from app.store.client import Store
from tests.unit.learn.made import ended, hit, journal_of

QUICK = {"delay_s": 0.01}


async def nothing() -> None:
    """No record waits."""


def outcomes_of(store: Store, journal: RouteJournal) -> Outcomes:
    """With a ledger that has no records."""
    return Outcomes(journal, OutcomeBook(store, nothing), Sessions(store, store))


async def told(store: Store, tenant: str = "acme") -> dict[str, Outcome]:
    """The outcomes of the tenant's only labelled request."""
    [found] = [each async for each in labelled(store, tenant)]
    return dict(found.outcomes)


async def test_the_same_twice_is_one_outcome(store: Store) -> None:
    """And says that it is no news. Another type is another outcome."""
    journal = journal_of(store)
    journal.note(ended())
    outcomes = outcomes_of(store, journal)
    assert await outcomes.report("acme", "req-1", "solved", Outcome(True, 2.5)) == Reported(news=True, routed=True)
    assert await outcomes.report("acme", "req-1", "solved", Outcome(True, 2.5)) == Reported(news=False, routed=True)
    await outcomes.report("acme", "req-1", "liked", Outcome(False))
    assert await told(store) == {"solved": Outcome(True, 2.5), "liked": Outcome(False)}


async def test_of_two_that_contradict_the_later_one_holds(store: Store) -> None:
    """People change their minds, and a ticket is opened again."""
    journal = journal_of(store)
    journal.note(ended())
    outcomes = outcomes_of(store, journal)
    await outcomes.report("acme", "req-1", "solved", Outcome(True))
    assert (await outcomes.report("acme", "req-1", "solved", Outcome(False))).news
    assert await told(store) == {"solved": Outcome(False)}


async def test_another_tenants_request_is_unknown(store: Store) -> None:
    """As one that never was; names that look like keys reach nothing."""
    journal = journal_of(store, **QUICK)
    journal.note(ended())
    outcomes = outcomes_of(store, journal)
    for tenant, name in (("other", "req-1"), ("acme", "req-2"), ("acme", "}:learn:record:req-1"), ("acme", "\x00")):
        with pytest.raises(NotFound):
            await outcomes.report(tenant, name, "outcome", Outcome(True))
    assert [each async for each in labelled(store, "acme")] == []


async def test_an_outcome_of_a_cached_answer_is_taken_and_says_so(store: Store) -> None:
    """The router had no part in it: nothing to learn or to keep, and no error for an app that reports everything."""
    journal = journal_of(store)
    journal.note(hit())
    assert await outcomes_of(store, journal).report("acme", "req-1", "solved", Outcome(True)) == Reported(
        False, routed=False
    )
    assert [each async for each in labelled(store, "acme")] == []


async def test_a_report_may_overtake_the_journal_of_another_replica(store: Store) -> None:
    """It waits a little before it says that it knows nothing."""
    slow, other = journal_of(store, **QUICK), journal_of(store, delay_s=0.2)
    asyncio.get_running_loop().call_later(0.05, slow.note, ended())
    assert (await outcomes_of(store, other).report("acme", "req-1", "solved", Outcome(True))).news


async def test_a_request_has_so_many_types(store: Store) -> None:
    """The one too many is the client's fault."""
    journal = journal_of(store)
    journal.note(ended())
    outcomes = outcomes_of(store, journal)
    for number in range(MOST_FIELDS - 1):
        await outcomes.report("acme", "req-1", f"t{number}", Outcome(True))
    with pytest.raises(InvalidRequest):
        await outcomes.report("acme", "req-1", "more", Outcome(True))
