"""Invalidation each way, and only within the tenant."""

import asyncio

import pytest

from app.cache.entries import short_id
from app.cache.invalidate import EXAMPLES, Invalidated, Selection
from app.config.policy import CachePolicy
from app.domain import Caller
from app.store.client import Store
from tests.unit.cache.shelves import Caches, assert_whole, names, prompt

FAQ, SEARCH = Caller("acme", feature="faq"), Caller("acme", feature="search")


@pytest.fixture
async def caches(store: Store) -> Caches:
    """Six entries of one tenant, ten seconds apart, and the same of another."""
    found = Caches(store)
    for caller, name, tags in (
        (FAQ, "a", ("card",)),
        (FAQ, "b", ("card", "loan")),
        (SEARCH, "c", ("card",)),
        (SEARCH, "d", ()),
        (Caller("acme"), "e", ("loan",)),
        (Caller("acme"), "f", ()),
    ):
        await found.keep(prompt(name, 0.95), caller, tags=tags)
        await found.keep(prompt(name, 0.95), Caller("other", feature=caller.feature), tags=tags)
        found.now += 10
    return found


@pytest.mark.parametrize(
    ("selection", "gone"),
    [
        (Selection(entry_id=short_id("c")), "c"),
        (Selection(feature="faq"), "ab"),
        (Selection(feature=""), "ef"),
        (Selection(tag="card"), "abc"),
        (Selection(older_than_s=35), "abc"),
        (Selection(tag="card", feature="search"), "c"),
        (Selection(tag="card", older_than_s=45), "ab"),
        (Selection(feature="faq", older_than_s=55), "a"),
        (Selection(entry_id=short_id("b"), tag="loan", feature="faq", older_than_s=1), "b"),
        (Selection(), "abcdef"),
        (Selection(entry_id=short_id("c"), feature="faq"), ""),
        (Selection(entry_id="c"), ""),
        (Selection(entry_id="*"), ""),
        (Selection(feature="FAQ"), ""),
        (Selection(feature="%"), ""),
        (Selection(tag="faq"), ""),
        (Selection(older_than_s=61), ""),
    ],
)
async def test_all_that_is_named_must_fit(caches: Caches, selection: Selection, gone: str) -> None:
    """A dry run says what would go and changes nothing; then it goes, from all indexes, and of this tenant only."""
    expected = sorted(map(short_id, gone))
    dry = await caches.invalidator.invalidate("acme", selection, dry_run=True)
    assert (dry.count, sorted(dry.examples)) == (len(gone), expected)
    assert await names(caches.store) == set("abcdef")
    done = await caches.invalidator.invalidate("acme", selection)
    assert (done.count, sorted(done.examples)) == (len(gone), expected)
    assert await names(caches.store) == set("abcdef") - set(gone)
    assert await names(caches.store, "other") == set("abcdef")
    for tenant in ("acme", "other"):
        await assert_whole(caches.store, tenant)
    assert await caches.invalidator.invalidate("acme", selection) == Invalidated(0, ())


async def test_what_went_answers_neither_way(caches: Caches) -> None:
    """Not by its key, not by meaning; what stays does."""
    await caches.invalidator.invalidate("acme", Selection(tag="card"))
    assert await caches.get("a") is None
    hit = await caches.look(prompt("asked", 0.95))
    assert hit
    assert hit.prompt in "def"


async def test_what_has_ended_is_not_counted(caches: Caches) -> None:
    """Nobody could have been answered by it."""
    caches.now += 10
    await caches.keep(prompt("short", 0.5), policy=CachePolicy(ttl_s=5))
    caches.now += 5
    assert (await caches.invalidator.invalidate("acme", Selection(), dry_run=True)).count == 6


async def test_an_unknown_tenant_has_nothing(caches: Caches) -> None:
    """And a strange name reaches nobody's entries."""
    for tenant in ("nobody", "*", "acme}", ""):
        assert await caches.invalidator.invalidate(tenant, Selection()) == Invalidated(0, ())


async def test_many_go_in_short_steps(store: Store) -> None:
    """Hundreds of entries, ten examples; meanwhile Redis answers others again and again."""
    caches, answered = Caches(store), 0
    for start in range(0, 600, 100):
        await asyncio.gather(*(caches.keep(prompt(f"p{n}", n / 700), FAQ) for n in range(start, start + 100)))
    task = asyncio.ensure_future(caches.invalidator.invalidate("acme", Selection(feature="faq")))
    while not task.done():
        await store.command("PING")
        answered += 1
    done = await task
    assert (done.count, len(done.examples)) == (600, EXAMPLES)
    assert answered > 10
    await assert_whole(store)
    assert (await caches.stats.read("acme")).totals() == {"invalidated": 600, "stored": 600}


async def test_everything_goes_with_its_vector_sets(store: Store) -> None:
    """The whole tenant at once: no vector is taken out of a set that goes anyway."""
    caches = Caches(store)
    for number in range(150):
        await caches.keep(prompt(f"p{number}", number / 200, context=f"c{number % 3}"), tags=("t",))
    assert (await caches.invalidator.invalidate("acme", Selection())).count == 150
    left = {key.rpartition(b"acme}:cache:")[2] for key in await store.command("KEYS", "*{acme}*")}
    assert {key for key in left if not key.startswith(b"counts:")} == {b"bytes"}
    await assert_whole(store)
