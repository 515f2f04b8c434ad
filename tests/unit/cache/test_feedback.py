"""Reports of right and wrong hits."""

import pytest

from app.cache.entries import short_id
from app.cache.feedback import Feedback, Pair, Report
from app.cache.journal import CacheJournal
from app.domain import CacheHit
from app.errors import NotFound
from app.store.client import Store
from tests.unit.cache.shelves import Caches, assert_whole, names, prompt
from tests.unit.cache.test_journal_and_stats import ended


class Desk:
    """A hit that was served: `stored` answered who asked `asked?`."""

    def __init__(self, store: Store) -> None:
        self.caches = Caches(store)
        self.journal = CacheJournal(store, clock=lambda: self.caches.now, delay_s=60)
        self.feedback = Feedback(store, self.journal, clock=lambda: self.caches.now, patience_s=0.01)

    async def serve(self, request_id: str = "req-1") -> str:
        entry_id = await self.caches.keep(prompt("stored"), tags=("x",))
        hit = await self.caches.look(prompt("asked?", 0.95))
        assert isinstance(hit, CacheHit)
        self.journal.note(ended("semantic", hit, request_id))
        return entry_id

    async def report(self, correct: bool, request_id: str = "", entry_id: str = "", tenant: str = "acme") -> bool:
        report = Report(correct, request_id, entry_id, "because")
        return (await self.feedback.report(tenant, report)).news


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


async def test_a_wrong_hit_takes_the_entry_and_leaves_the_pair(desk: Desk) -> None:
    """Entry, vector and indexes; the pair is in the form that calibration reads."""
    entry_id = await desk.serve()
    assert await desk.report(False, "req-1")
    assert await desk.caches.get("stored") is None
    assert await desk.caches.look(prompt("asked?", 0.95)) is None
    await assert_whole(desk.caches.store)
    [pair] = await desk.feedback.pairs("acme")
    assert pair == Pair(pair.id, "stored", "asked?", 0, pytest.approx(0.95, abs=0.01), None, "because")  # type: ignore[arg-type]
    assert (await desk.caches.stats.read("acme")).totals()["reported_wrong"] == 1
    assert entry_id == short_id("stored")


async def test_a_right_hit_is_kept_and_counts(desk: Desk) -> None:
    """The entry stays; calibration needs both kinds."""
    await desk.serve()
    assert await desk.report(True, "req-1")
    assert await desk.caches.get("stored")
    assert [pair.label for pair in await desk.feedback.pairs("acme")] == [1]
    assert (await desk.caches.stats.read("acme")).totals()["reported_right"] == 1


async def test_the_same_report_twice_is_one(desk: Desk) -> None:
    """Also where its entry has been stored again meanwhile; a changed mind is news."""
    await desk.serve()
    assert await desk.report(False, "req-1")
    await desk.caches.keep(prompt("stored"))
    assert not await desk.report(False, "req-1")
    assert await names(desk.caches.store) == {"stored"}
    assert await desk.report(True, "req-1")
    assert [pair.label for pair in await desk.feedback.pairs("acme")] == [0, 1]


async def test_an_entry_may_be_reported_by_itself(desk: Desk) -> None:
    """Then nobody knows what was asked: it goes, no pair is made, and a second report is known."""
    entry_id = await desk.serve()
    assert await desk.report(False, entry_id=entry_id)
    assert not await desk.report(False, entry_id=entry_id)
    assert await names(desk.caches.store) == set()
    assert await desk.feedback.pairs("acme") == []
    assert (await desk.caches.stats.read("acme")).totals()["reported_wrong"] == 1


async def test_a_report_outlives_its_entry(desk: Desk) -> None:
    """What was evicted or invalidated meanwhile still teaches."""
    entry_id = await desk.serve()
    await desk.caches.catalogue.remove("acme", [bytes.fromhex(entry_id)], desk.caches.now)
    assert await desk.report(False, "req-1")
    assert len(await desk.feedback.pairs("acme")) == 1


@pytest.mark.parametrize("name", ["req-2", "", "*", "req-1\n", "é" * 200])
async def test_unknown_requests_are_not_found(desk: Desk, name: str) -> None:
    """And change nothing."""
    await desk.serve()
    with pytest.raises(NotFound):
        await desk.report(False, name or "nothing")
    assert await names(desk.caches.store) == {"stored"}


@pytest.mark.parametrize("name", [short_id("other"), "stored", "*", "", "G" * 24])
async def test_unknown_entries_are_not_found(desk: Desk, name: str) -> None:
    """However the id looks."""
    await desk.serve()
    with pytest.raises(NotFound):
        await desk.report(False, entry_id=name)
    assert await names(desk.caches.store) == {"stored"}


async def test_another_tenants_hits_are_unknown(desk: Desk) -> None:
    """By either id; nor are its pairs seen."""
    entry_id = await desk.serve()
    await desk.journal.flush()
    for by in ({"request_id": "req-1"}, {"entry_id": entry_id}):
        with pytest.raises(NotFound):
            await desk.report(False, tenant="other", **by)
    assert await names(desk.caches.store) == {"stored"}
    await desk.report(True, "req-1")
    assert await desk.feedback.pairs("other") == []


async def test_pairs_are_read_in_parts(desk: Desk) -> None:
    """Oldest first, each once."""
    for number in range(5):
        await desk.serve(f"req-{number}")
        await desk.report(True, f"req-{number}")
    first = await desk.feedback.pairs("acme", limit=3)
    rest = await desk.feedback.pairs("acme", after=first[-1].id, limit=3)
    assert (len(first), len(rest)) == (3, 2)
    assert len({pair.id for pair in first + rest}) == 5


async def test_a_poisoned_record_is_unknown(desk: Desk) -> None:
    """Foreign bytes are no hit."""
    await desk.serve()
    await desk.journal.flush()
    await desk.caches.store.command("SET", desk.caches.store.keys.served("acme", "req-1"), b"\xc1poison")
    with pytest.raises(NotFound):
        await desk.report(False, "req-1")
