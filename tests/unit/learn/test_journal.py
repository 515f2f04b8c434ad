"""Records of requests in a real Redis: written behind the answers, bounded, each tenant's own."""

import asyncio
from typing import Any

import pytest

from app.config.gateway import StoreSpec
from app.learn.journal import MOST_FIELDS, MOST_WAITING, Bounds, RouteJournal
from app.learn.reading import labelled
from app.learn.records import Compared, Outcome, Routed, decode
from app.store.client import Store, open_cache_store, open_store
from app.store.embedded import free_port
from tests.unit.learn.made import ended, fields, hit, ids, journal_of


async def test_a_routed_request_leaves_a_record_for_a_week(store: Store) -> None:
    """By its id; of a cached one only the id is kept, elsewhere, so that hits displace nothing to learn from."""
    journal = journal_of(store)
    journal.note(ended("req-1"))
    journal.note(hit("req-2"))
    await journal.flush()
    record = decode((await fields(store))["r"], Routed)
    assert record is not None
    assert (record.tier, record.score) == ("small", 0.2)
    assert (await ids(store, "waiting"), await ids(store, "others")) == ({"req-1"}, {"req-2"})
    week = await store.command("TTL", store.keys.learn("acme") + "record:req-1")
    others = await store.command("TTL", store.keys.learn("acme") + "others")
    assert 6.9 * 86_400 < week <= 7 * 86_400
    assert 6.9 * 86_400 < others <= 7 * 86_400
    assert await fields(store, "req-2") == {}


async def test_ids_of_other_requests_are_bounded_too(store: Store) -> None:
    """The latest stay."""
    now = [0.0]
    journal = journal_of(store, clock=lambda: now[0], others=Bounds(100, 3))
    for number in range(7):
        now[0] += 1
        journal.note(hit(f"req-{number}"))
        await journal.flush()
    assert await ids(store, "others") == {"req-4", "req-5", "req-6"}


async def test_no_word_of_a_prompt_is_kept(store: Store) -> None:
    """Whatever the body held."""
    journal = journal_of(store)
    journal.note(ended(payload={"model": "auto", "messages": [{"role": "user", "content": "SECRET"}]}))
    await journal.flush()
    assert all(b"SECRET" not in value for value in (await fields(store)).values())


async def test_records_are_bounded_in_number_and_the_oldest_go(store: Store) -> None:
    """With their place in the index; what has an outcome is bounded by itself."""
    now = [0.0]
    options: dict[str, Any] = {"clock": lambda: now[0], "waiting": Bounds(600, 3), "labelled": Bounds(6_000, 2)}
    journal = journal_of(store, **options)
    for number in range(6):
        now[0] += 1
        journal.note(ended(f"req-{number}"))
        await journal.flush()
    assert await ids(store, "waiting") == {"req-3", "req-4", "req-5"}
    assert await fields(store, "req-2") == {}
    for number in (3, 4, 5):
        now[0] += 1
        await journal.report("acme", f"req-{number}", "outcome", Outcome(True))
    assert (await ids(store, "waiting"), await ids(store, "labelled")) == (set(), {"req-4", "req-5"})
    assert await fields(store, "req-3") == {}
    assert len(list(await store.command("KEYS", "*:learn:*"))) == 3


async def test_what_ended_leaves_its_index(store: Store) -> None:
    """The record by its time to live, its place with the next note."""
    now = [0.0]
    journal = journal_of(store, clock=lambda: now[0], waiting=Bounds(100, 50))
    journal.note(ended("req-1"))
    await journal.flush()
    now[0] = 101
    journal.note(ended("req-2"))
    await journal.flush()
    assert await ids(store, "waiting") == {"req-2"}


async def test_an_outcome_moves_a_record_to_where_it_is_kept_longer(store: Store) -> None:
    """Ninety days; noted again it stays there, and keeps what is known of it."""
    journal = journal_of(store)
    journal.note(ended())
    await journal.flush()
    await journal.report("acme", "req-1", "outcome", Outcome(True))
    journal.note(ended())
    await journal.flush()
    assert (await ids(store, "waiting"), await ids(store, "labelled")) == (set(), {"req-1"})
    assert await store.command("TTL", store.keys.learn("acme") + "record:req-1") > 89 * 86_400
    assert set(await fields(store)) == {"r", "o:outcome"}


async def test_a_record_has_room_for_so_many_outcomes(store: Store) -> None:
    """Types are the client's own words: no request grows without end. A known type can still change."""
    journal = journal_of(store)
    journal.note(ended())
    await journal.flush()
    results = [await journal.report("acme", "req-1", f"t{n}", Outcome(True)) for n in range(MOST_FIELDS + 5)]
    assert results == [1] * (MOST_FIELDS - 1) + [-2] * 6
    assert await journal.report("acme", "req-1", "t0", Outcome(False)) == 1


async def test_a_comparison_may_come_before_the_note_was_written(store: Store) -> None:
    """A shadow may be quicker than the journal; one of a request that nobody noted is dropped."""
    journal, told = journal_of(store), Compared("small", "large", "same")
    journal.note(ended())
    await journal.compared("acme", "req-1", told)
    await journal.compared("acme", "req-9", told)
    found = [each async for each in labelled(store, "acme")]
    assert [each.shadow for each in found] == [told]
    assert await fields(store, "req-9") == {}


async def test_reading_gives_back_what_was_learned(store: Store) -> None:
    """Of one tenant, of one feature or of all; what is broken or gone is passed over."""
    journal = journal_of(store)
    for number in range(1_203):
        journal.note(ended(f"req-{number}", feature="faq" if number % 3 else "chat"))
    journal.note(ended("req-0", tenant="other"))
    await journal.flush()
    for number in range(1_203):
        await journal.report("acme", f"req-{number}", "outcome", Outcome(number % 2 == 0, float(number)))
    await store.command("HSET", store.keys.learn("acme") + "record:req-1", "r", b"\xff")
    await store.command("UNLINK", store.keys.learn("acme") + "record:req-2")
    found = [each async for each in labelled(store, "acme")]
    assert len(found) == 1_201
    assert len([each async for each in labelled(store, "acme", "chat")]) == 401
    assert [each async for each in labelled(store, "other")] == []


async def test_notes_are_written_soon_by_themselves(store: Store) -> None:
    """Together, and again after a rest."""
    journal = RouteJournal(store, delay_s=0.01)
    for name in ("req-1", "req-2"):
        journal.note(ended(name))
        for _ in range(200):
            if name in await ids(store, "waiting"):
                break
            await asyncio.sleep(0.01)
        assert name in await ids(store, "waiting")


async def test_an_absent_redis_costs_the_records_only(caplog: pytest.LogCaptureFixture) -> None:
    """No error, and memory is bounded. The log says what is lost, and that it is not what was spent."""
    store = await open_store(f"redis://127.0.0.1:{free_port()}/0", StoreSpec(timeout_s=0.1))
    journal = journal_of(store)
    for number in range(MOST_WAITING + 500):
        journal.note(ended(f"req-{number}"))
    assert sum(len(page.routed) for page in journal._pages.values()) == MOST_WAITING
    await journal.flush()
    journal.note(ended("req-again"))
    journal.note(hit("req-of-another", "other"))
    assert sum(len(page.routed) for page in journal._pages.values()) == 1
    await journal.flush()
    said = "what the router learns from was lost for up to {} requests: the store is away"
    found = [each.getMessage() for each in caplog.records if each.name == "leanserve.learn"]
    assert found == [said.format(MOST_WAITING + 500), said.format(2)]
    await store.close()


async def test_two_replicas_write_one_record(clean_redis: str) -> None:
    """Each with its own journal and connections."""
    stores = [open_cache_store(clean_redis, StoreSpec(cache_timeout_s=5)) for _ in range(2)]
    for store in stores:
        journal = journal_of(store)
        journal.note(ended())
        await journal.flush()
    assert await ids(stores[0], "waiting") == {"req-1"}
    for store in stores:
        await store.close()
