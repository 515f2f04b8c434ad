"""A full shelf: the least useful goes."""

import pytest

from app.cache.entries import short_id
from app.config.policy import CachePolicy
from app.domain import Caller
from app.store.client import Store
from tests.unit.cache.shelves import Caches, assert_whole, names, prompt


@pytest.fixture
def caches(store: Store) -> Caches:
    return Caches(store)


async def use(caches: Caches, name: str, worth: int) -> None:
    """What the journal writes of hits."""
    key = caches.store.keys.cache("acme") + "worth"
    await caches.store.command("ZADD", key, "XX", "INCR", worth, bytes.fromhex(short_id(name)))


async def test_the_least_useful_is_evicted(caches: Caches) -> None:
    """At most `max_entries`; what was hit, or what was dear, outlives what was not."""
    few = CachePolicy(threshold=0.9, max_entries=3)
    for name, cost in (("hit", 10), ("dear", 500), ("idle", 10)):
        await caches.keep(prompt(name, 0.5), policy=few, cost=cost)
    await use(caches, "hit", 10)
    await caches.keep(prompt("new", 0.2), policy=few, cost=10)
    assert await names(caches.store) == {"hit", "dear", "new"}
    await assert_whole(caches.store)
    assert (await caches.stats.read("acme")).totals() == {"evicted": 1, "stored": 4}


async def test_old_usefulness_is_overtaken(caches: Caches) -> None:
    """Dynamic aging: a former favourite goes once enough newcomers were worth as much."""
    few = CachePolicy(threshold=0.9, max_entries=2)
    await caches.keep(prompt("favourite", 0.5), policy=few)
    await use(caches, "favourite", 5)
    for number in range(4):
        await caches.keep(prompt(f"new {number}", 0.2), policy=few)
        assert "favourite" in await names(caches.store)
    for number in range(4, 12):
        await caches.keep(prompt(f"new {number}", 0.2), policy=few)
    assert await names(caches.store) == {"new 10", "new 11"}


async def test_a_smaller_limit_is_reached_step_by_step(caches: Caches) -> None:
    """A store takes a bounded number away, so that none is slow."""
    for number in range(80):
        await caches.keep(prompt(f"p{number}", 0.5))
    for number in range(20):
        await caches.keep(prompt(f"q{number}", 0.2), policy=CachePolicy(threshold=0.9, max_entries=5))
        if len(await names(caches.store)) == 5:
            break
    assert len(await names(caches.store)) == 5
    await assert_whole(caches.store)


async def test_tenants_have_limits_of_their_own(caches: Caches) -> None:
    """A full shelf of one evicts nothing of another."""
    few = CachePolicy(threshold=0.9, max_entries=1)
    await caches.keep(prompt("a"), Caller("other"), policy=few)
    await caches.keep(prompt("a"), policy=few)
    await caches.keep(prompt("b"), policy=few)
    assert await names(caches.store) == {"b"}
    assert await names(caches.store, "other") == {"a"}
