"""What belongs to an entry comes and goes with it."""

import asyncio
import dataclasses
import os
import random
import signal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from app.config.gateway import StoreSpec
from app.config.policy import CachePolicy
from app.domain import Caller
from app.store.client import Store, open_store
from app.store.embedded import EmbeddedRedis, free_port
from tests.unit.cache.shelves import PLAIN, Caches, assert_whole, body, held, labels_of, names, prompt


@pytest.fixture
def caches(store: Store) -> Caches:
    return Caches(store)


async def test_an_entry_knows_what_it_answered(caches: Caches) -> None:
    """The canonical prompt, its cost and its end; its card has the feature and the tags."""
    await caches.keep(prompt("a"), Caller("acme", feature="faq"), cost=7, tags=("x", "y", "x"))
    entry = await held(caches.store, "a")
    assert entry
    assert (entry.prompt, entry.cost, entry.user, entry.ttl_s) == ("a", 7, "", PLAIN.ttl_s)
    stem = caches.store.keys.cache("acme")
    assert await labels_of(caches.store, stem, bytes.fromhex(entry.id)) == ["f:faq", "t:x", "t:y"]
    await assert_whole(caches.store)


async def test_an_entry_ends_by_the_clock(caches: Caches) -> None:
    """At its time to live, to the second, for both caches; hits do not extend it."""
    policy = CachePolicy(threshold=0.9, ttl_s=100)
    longer = CachePolicy(threshold=0.9, ttl_s=10_000)
    await caches.keep(prompt("a"), policy=policy)
    caches.now += 99
    assert await caches.get("a", policy=longer)
    assert await caches.look(prompt("b"), policy=longer)
    caches.now += 1
    assert await caches.get("a", policy=longer) is None
    assert await caches.look(prompt("b"), policy=longer) is None


async def test_what_has_ended_leaves_all_indexes_with_the_next_store(caches: Caches) -> None:
    """Each store sweeps, whether or not Redis took the entry itself away."""
    short = CachePolicy(threshold=0.9, ttl_s=100)
    for number in range(5):
        await caches.keep(prompt(f"old {number}", 0.5), policy=short, tags=("x",))
    await caches.store.command("DEL", caches.entry_key("old 0"))
    await assert_whole(caches.store, ended=1)
    caches.now += 100
    await caches.keep(prompt("new"))
    assert await names(caches.store) == {"new"}
    await assert_whole(caches.store)
    assert (await caches.stats.read("acme")).totals()["expired"] == 5


async def test_keys_of_an_idle_tenant_end_by_themselves(caches: Caches) -> None:
    """Every key has an end, none later than the last entry's; but the counts of a day, which are kept for 40."""
    await caches.keep(prompt("a"), policy=CachePolicy(ttl_s=100), tags=("x",))
    await caches.keep(prompt("b"), policy=CachePolicy(ttl_s=50), tags=("x",))
    keys = await caches.store.command("KEYS", "*")
    for key in keys:
        ttl = await caches.store.command("TTL", key)
        assert 0 < ttl <= (40 * 86_400 if b":counts:" in key else 100), key


async def test_an_entry_that_is_stored_again_leaves_its_old_labels(caches: Caches) -> None:
    """Another feature, other tags, another context: nothing of the old one stays."""
    await caches.keep(prompt("a"), Caller("acme", feature="one"), tags=("x", "y"))
    moved = prompt("a", context="other")
    await caches.keep(moved, Caller("acme", feature="two"), tags=("y", "z"))
    await assert_whole(caches.store)
    assert await caches.look(prompt("a")) is None
    assert await caches.look(moved)
    assert (await caches.stats.read("acme")).features == {"two": 1}


async def test_one_users_own_entry_answers_nobody_else(caches: Caches) -> None:
    """Even where keys are alike, as if they had not been made apart."""
    own = CachePolicy(threshold=0.9, scope="user")
    await caches.keep(prompt("a"), Caller("acme", user="ann"), policy=own)
    for caller, policy in (
        (Caller("acme", user="bob"), own),
        (Caller("acme"), own),
        (Caller("acme", user="ann"), PLAIN),
    ):
        assert await caches.get("a", caller, policy) is None
        assert await caches.look(prompt("a"), caller, policy) is None
    assert await caches.get("a", Caller("acme", user="ann"), own)
    assert await caches.look(prompt("b"), Caller("acme", user="ann"), own)


@pytest.mark.parametrize("name", ["cards", "worth", "ends", "features", "bytes", "age", "label:t:x"])
async def test_an_index_of_a_foreign_type_heals(caches: Caches, name: str) -> None:
    """A foreign key in its place costs the index, never an answer."""
    key = caches.store.keys.cache("acme") + name
    await caches.store.command("DEL", key)
    await caches.store.command("RPUSH", key, "x")
    await caches.keep(prompt("a"), tags=("x",))
    assert await caches.get("a")
    assert await caches.look(prompt("b"))
    await assert_whole(caches.store)


async def test_a_vector_set_of_other_dimensions_heals_at_once(caches: Caches) -> None:
    """The answer that met it is stored all the same."""
    await caches.store.command("VADD", caches.vectors_key(), "VALUES", 3, 1, 0, 0, "foreign")
    await caches.keep(prompt("a"))
    assert await caches.look(prompt("b"))
    await assert_whole(caches.store)


async def test_a_foreign_vector_is_no_candidate_and_goes(caches: Caches) -> None:
    """An element that never was an entry of ours, whatever it is called."""
    await caches.keep(prompt("a", 0.95))
    for name in (b"x", b"\xff" * 40, b"\x00" * 16):
        await caches.store.command("VADD", caches.vectors_key(), "FP32", prompt("x").embedding, name, "Q8")
    assert await caches.look(prompt("b"))
    await assert_whole(caches.store)


async def test_random_work_of_two_replicas_leaves_nothing_unreachable(clean_redis: str) -> None:
    """Stores, lookups, evictions, ends and losses at once: the indexes still say what is there."""
    stores = [await open_store(clean_redis, StoreSpec(timeout_s=5)) for _ in range(2)]
    replicas = [Caches(store) for store in stores]
    dice = random.Random(3)

    async def work(replica: Caches) -> None:
        name = f"p{dice.randrange(40)}"
        policy = CachePolicy(threshold=0.9, max_entries=12, ttl_s=dice.choice((5, 50, 500)))
        asked = prompt(name, dice.uniform(-1, 1), dice.choice(("one", "two")))
        caller = Caller("acme", feature=dice.choice(("f", "g", "")))
        act = dice.random()
        if act < 0.6:
            await replica.keep(asked, caller, policy, tags=tuple(dice.sample("xyz", dice.randrange(3))))
        elif act < 0.9:
            await replica.ask(asked, caller, policy)
        else:
            await replica.store.command("SET", replica.entry_key(name), b"poison")
            await replica.get(name)

    for _ in range(40):
        for replica in replicas:
            replica.now += 3
        await asyncio.gather(*(work(dice.choice(replicas)) for _ in range(10)))
    for name in {f"p{number}" for number in range(40)}:
        await replicas[0].get(name)  # poison that nobody met yet
    await assert_whole(stores[0])
    assert 0 < len(await names(stores[0])) <= 12
    for store in stores:
        await store.close()


async def test_a_cancelled_store_is_whole_or_not_at_all(caches: Caches) -> None:
    """However far it came when its task was ended."""
    for turns in range(12):
        task = asyncio.ensure_future(caches.keep(prompt(f"p{turns}", 0.5), tags=("x",)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.2)  # what was sent before its task ended is still on its way
    await assert_whole(caches.store)


async def test_a_redis_killed_under_stores_comes_back_whole(tmp_path: Path) -> None:
    """SIGKILL in the middle: what the append-only file holds is whole entries."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        store = await open_store(server.url, StoreSpec(timeout_s=5))
        caches = Caches(store)
        few = CachePolicy(threshold=0.9, max_entries=30)
        stores = [
            asyncio.ensure_future(caches.keep(prompt(f"p{number}", number / 200), policy=few, tags=("x",)))
            for number in range(200)
        ]
        while not sum(task.done() for task in stores) > 60:
            await asyncio.sleep(0)
        os.kill(server.pid, signal.SIGKILL)
        await asyncio.gather(*stores, return_exceptions=True)
        await store.close()
        while not server.revive():
            await asyncio.sleep(0.02)
        again = await open_store(server.url, StoreSpec(timeout_s=5))
        assert await names(again)
        await assert_whole(again)
        await again.close()


async def test_an_entry_costs_less_than_two_kilobytes_beside_its_answer(store: Store) -> None:
    """Its keys and its share of every index, a tag included, just after most tables have doubled."""
    caches, source = Caches(store), np.random.default_rng(0)

    async def grow(numbers: range) -> int:
        for number in numbers:
            values = source.normal(size=384).astype("<f4")
            asked = prompt(f"how do I change the address of my third card, please? {number}")
            asked = dataclasses.replace(asked, embedding=(values / np.linalg.norm(values)).tobytes())
            await caches.keep(asked, Caller("acme", feature="faq"), tags=("cards",))
        return int((await store.run(lambda client: client.info("memory")))["used_memory"])

    before, after = await grow(range(100)), await grow(range(100, 2_100))
    answer = len(msgspec.json.encode(body("how do I change the address of my third card, please? 100")))
    assert (after - before) / 2_000 - answer < 2_000
