"""What the caches did, written behind the answers, and read again."""

import asyncio

import pytest

from app.cache.entries import short_id
from app.cache.journal import CacheJournal
from app.cache.served import Served, decode_served
from app.config.gateway import StoreSpec
from app.config.policy import CachePolicy, Policy
from app.domain import CacheHit, Caller, GatewayRequest, MicroUsd, Usage
from app.journey import CacheResult, Journey
from app.store.client import Store, open_store
from app.store.embedded import free_port
from tests.unit.cache.shelves import Caches, body, names, prompt

DAY = "2026-09-21"


def ended(cache: CacheResult, hit: CacheHit | None = None, request_id: str = "req-1", tenant: str = "acme") -> Journey:
    """A request that is over."""
    request = GatewayRequest(request_id, "chat", {"model": "m"}, Caller(tenant))
    return Journey(request, Policy(), cache=cache, hit=hit, asked="asked?")


def hit_of(name: str, kind: str, cost: int = 0) -> CacheHit:
    """A hit as the caches give it."""
    p_same = 0.9 if kind == "semantic" else 1.0
    return CacheHit(kind, short_id(name), 0.8, 1.0, body(name), Usage(), "t", p_same, "", MicroUsd(cost), name)  # type: ignore[arg-type]


@pytest.fixture
async def caches(store: Store) -> Caches:
    return Caches(store)


@pytest.fixture
async def journal(caches: Caches) -> CacheJournal:
    """It writes when the test says so."""
    return CacheJournal(caches.store, clock=lambda: caches.now, delay_s=60)


async def worth(caches: Caches, name: str) -> float | None:
    found = await caches.store.command(
        "ZSCORE", caches.store.keys.cache("acme") + "worth", bytes.fromhex(short_id(name))
    )
    return None if found is None else float(found)


async def test_counts_by_day_and_the_rate_by_kind(caches: Caches, journal: CacheJournal) -> None:
    """Of the requests that looked; what passed the caches by is not counted. Each tenant has its own."""
    results: dict[CacheResult, int] = {"exact": 3, "semantic": 2, "coalesced": 1, "miss": 4, "bypass": 5}
    for result, number in results.items():
        for _ in range(number):
            journal.note(ended(result, hit_of("a", result, 10) if result not in {"miss", "bypass"} else None))
    journal.note(ended("miss", tenant="other"))
    await journal.flush()
    caches.now += 86_400
    journal.note(ended("exact"))
    await journal.flush()
    stats = await caches.stats.read("acme", days=2)
    assert list(stats.days) == ["2026-09-22", DAY]
    assert stats.days[DAY] == {"exact": 3, "semantic": 2, "coalesced": 1, "miss": 4, "saved_micro_usd": 60}
    assert stats.totals()["exact"] == 4
    assert stats.hit_rate() == {"exact": 4 / 11, "semantic": 2 / 11, "coalesced": 1 / 11, "all": 7 / 11}
    assert (await caches.stats.read("acme", days=1)).totals() == {"exact": 1}
    assert (await caches.stats.read("other", days=2)).totals() == {"miss": 1}
    assert (await caches.stats.read("nobody")).hit_rate()["all"] == 0


async def test_hits_raise_the_usefulness_and_nothing_else(caches: Caches, journal: CacheJournal) -> None:
    """By what they save; never the time to live, and never of what is not there any more."""
    for name in ("used", "idle"):
        await caches.keep(prompt(name), cost=10, policy=CachePolicy(ttl_s=100))
    for _ in range(3):
        journal.note(ended("exact", hit_of("used", "exact", 10)))
    journal.note(ended("semantic", hit_of("gone", "semantic", 10)))
    journal.note(ended("coalesced", hit_of("idle", "coalesced", 10)))
    await journal.flush()
    assert [await worth(caches, name) for name in ("used", "idle", "gone")] == [40, 10, None]
    assert 0 < await caches.store.command("TTL", caches.entry_key("used")) <= 100
    few = CachePolicy(max_entries=2)
    await caches.keep(prompt("new"), policy=few)
    assert await names(caches.store) == {"used", "new"}


async def test_a_semantic_hit_leaves_a_record_for_a_day(caches: Caches, journal: CacheJournal) -> None:
    """What was asked, and what was taken for the same; an exact hit leaves none."""
    journal.note(ended("semantic", hit_of("a", "semantic"), "req-1"))
    journal.note(ended("exact", hit_of("a", "exact"), "req-2"))
    await journal.flush()
    key = caches.store.keys.served("acme", "req-1")
    assert decode_served(await caches.store.command("GET", key)) == Served(short_id("a"), "asked?", "a", 0.8, 0.9)
    assert 86_000 < await caches.store.command("TTL", key) <= 86_400
    assert await caches.store.command("EXISTS", caches.store.keys.served("acme", "req-2")) == 0


async def test_notes_are_written_soon_by_themselves(caches: Caches) -> None:
    """Together, in the background; and again after a rest."""
    journal = CacheJournal(caches.store, clock=lambda: caches.now, delay_s=0.01)
    for rounds in (1, 2):
        for _ in range(5):
            journal.note(ended("miss"))
        for _ in range(200):
            if (await caches.stats.read("acme")).totals().get("miss") == 5 * rounds:
                break
            await asyncio.sleep(0.01)
        assert (await caches.stats.read("acme")).totals() == {"miss": 5 * rounds}


async def test_an_absent_redis_costs_the_notes_only(caplog: pytest.LogCaptureFixture) -> None:
    """No error, and memory is bounded. The log says what is lost."""
    store = await open_store(f"redis://127.0.0.1:{free_port()}/0", StoreSpec(timeout_s=0.1))
    journal = CacheJournal(store, delay_s=0.01)
    for number in range(3_000):
        journal.note(ended("semantic", hit_of("a", "semantic"), f"req-{number}"))
    journal.note(ended("miss", tenant="other"))
    await journal.flush()
    assert [each.getMessage() for each in caplog.records if each.name == "leanserve.cache"] == [
        "the cache's statistics and records of hits, no entries, were lost for up to 3001 requests: the store is away"
    ]
    await store.close()


async def test_the_shelf_is_told(caches: Caches) -> None:
    """Entries that can answer, their bytes, and the features with the most, by their names."""
    for number, feature in enumerate(("faq", "faq", "a b:c/é", "", "faq")):
        await caches.keep(prompt(f"p{number}"), Caller("acme", feature=feature))
    await caches.keep(prompt("short"), policy=CachePolicy(ttl_s=10))
    sizes = [await caches.store.command("STRLEN", caches.entry_key(name)) for name in await names(caches.store)]
    stats = await caches.stats.read("acme")
    assert (stats.entries, stats.bytes) == (6, sum(sizes))
    assert stats.features == {"faq": 3, "": 2, "a b:c/é": 1}
    caches.now += 10
    assert (await caches.stats.read("acme")).entries == 5
    assert (await caches.stats.read("other")).entries == 0
