import dataclasses

import pytest

from app.cache.entries import FORMAT, short_id
from app.cache.semantic import similarity
from app.config.gateway import StoreSpec
from app.config.policy import CachePolicy
from app.domain import CacheHit, Caller, NormalizedPrompt, PromptKeys, Usage
from app.store.client import Store, open_store
from tests.unit.cache.shelves import ACME, Caches, body, prompt


@pytest.fixture
def caches(store: Store) -> Caches:
    return Caches(store)


async def test_an_exact_hit(caches: Caches) -> None:
    """The same canonical key gets the answer that was stored, with its usage, tier and age."""
    await caches.keep(prompt("a"))
    caches.now += 5
    assert await caches.get("a") == CacheHit(
        "exact", short_id("a"), 1.0, 5.0, body("a"), Usage(1, 0, 2), "small", prompt="a"
    )
    assert await caches.get("b") is None
    assert await caches.exact.get(ACME, "a", CachePolicy(exact=False)) is None


@pytest.mark.parametrize("cosine", [1.0, 0.99, 0.95, 0.91])
async def test_a_near_prompt_hits_with_its_cosine(caches: Caches, cosine: float) -> None:
    """The similarity is the cosine: VSIM's score is (1 + cosine) / 2, Q8 costs less than 0.01."""
    await caches.keep(prompt("a"))
    hit = await caches.look(prompt("b", cosine))
    assert hit is not None
    assert (hit.kind, hit.entry_id, hit.answer) == ("semantic", short_id("a"), body("a"))
    assert hit.similarity == pytest.approx(cosine, abs=0.01)
    assert hit.similarity <= 1.0


@pytest.mark.parametrize("cosine", [0.88, 0.5, 0.0, -1.0])
async def test_a_far_prompt_misses(caches: Caches, cosine: float) -> None:
    """Below the threshold nothing answers; the opposite is no neighbour."""
    await caches.keep(prompt("a"))
    assert await caches.look(prompt("b", cosine)) is None


def test_similarity_stays_between_zero_and_one() -> None:
    """Rounding in Redis never makes a similarity that is none."""
    assert [similarity(score) for score in (1.0000001, 1.0, 0.975, 0.5, 0.2, 0.0)] == [
        1,
        1,
        pytest.approx(0.95),
        0,
        0,
        0,
    ]


async def test_the_nearest_answers(caches: Caches) -> None:
    """Of several above the threshold, the most similar."""
    for name, cosine in (("far", 0.93), ("near", 0.999), ("middle", 0.96)):
        await caches.keep(prompt(name, cosine))
    hit = await caches.look(prompt("asked"))
    assert hit
    assert hit.prompt == "near"


async def test_contexts_and_tenants_are_apart(caches: Caches) -> None:
    """The same vector in another context, or of another tenant, is not there; nor by the exact key."""
    await caches.keep(prompt("a"))
    assert await caches.look(prompt("a", context="other")) is None
    for name in ("other", "acme}", "{acme}", "acme:cache", "", "*", "acme\n"):
        assert await caches.look(prompt("a"), Caller(name)) is None
        assert await caches.get("a", Caller(name)) is None


async def test_policy_switches_the_semantic_cache_off(caches: Caches) -> None:
    """No lookup, and no vector stored; the exact entry still is."""
    off = CachePolicy(semantic=False)
    await caches.keep(prompt("a"), policy=off)
    assert await caches.get("a")
    assert await caches.look(prompt("a")) is None
    await caches.keep(prompt("a"))
    assert await caches.look(prompt("a"), policy=off) is None


async def test_a_prompt_without_an_embedding_is_kept_for_exact_hits(caches: Caches) -> None:
    """Where the embedder failed, nothing semantic happens."""
    bare = NormalizedPrompt("a", PromptKeys("a", "context", "context"), 3, b"")
    await caches.keep(bare)
    assert await caches.get("a")
    assert await caches.look(bare) is None


async def test_a_text_without_a_neighbourhood_has_exact_hits_only(caches: Caches) -> None:
    """What may not be compared by meaning is neither found so nor finds."""
    cut = dataclasses.replace(prompt("long one"), keys=PromptKeys("long one", "context"))
    await caches.keep(cut)
    assert await caches.get("long one") is not None
    assert await caches.look(prompt("other")) is None
    await caches.keep(prompt("short one"))
    assert await caches.look(cut) is None


async def test_hits_do_not_extend_the_life_of_an_entry(caches: Caches) -> None:
    """The time to live runs from the storing, whatever is read."""
    await caches.keep(prompt("a"), policy=CachePolicy(threshold=0.9, ttl_s=100))
    key = caches.entry_key("a")
    await caches.store.command("EXPIRE", key, 50)
    assert await caches.get("a")
    assert await caches.look(prompt("a"))
    assert 0 < await caches.store.command("TTL", key) <= 50


async def test_a_vector_set_lives_as_long_as_its_longest_entry(caches: Caches) -> None:
    """A longer entry prolongs it, a shorter one does not shorten it."""
    key = caches.vectors_key()
    for ttl_s, at_least in ((100, 99), (1000, 999), (10, 999)):
        await caches.keep(prompt(f"p{ttl_s}"), policy=CachePolicy(threshold=0.9, ttl_s=ttl_s))
        assert at_least <= await caches.store.command("TTL", key) <= 1000


async def test_a_vector_whose_entry_is_gone_is_removed_when_met(caches: Caches) -> None:
    """The next nearest answers instead."""
    await caches.keep(prompt("gone", 1.0))
    await caches.keep(prompt("there", 0.97))
    await caches.store.command("DEL", caches.entry_key("gone"))
    hit = await caches.look(prompt("asked"))
    assert hit
    assert hit.prompt == "there"
    vectors = caches.vectors_key()
    assert await caches.store.command("VCARD", vectors) == 1


@pytest.mark.parametrize("poison", [b"", b"poison", b"leanserve:1\n\x86", FORMAT, FORMAT + b"00000000\n"])
async def test_poisoned_bytes_are_a_miss_and_go(caches: Caches, poison: bytes) -> None:
    """Neither cache answers with them nor fails; entry and vector are deleted."""
    await caches.keep(prompt("a"))
    key = caches.entry_key("a")
    await caches.store.command("SET", key, poison)
    assert await caches.look(prompt("a")) is None
    assert await caches.store.command("EXISTS", key) == 0
    assert await caches.store.command("VCARD", caches.vectors_key()) == 0
    await caches.store.command("SET", key, poison)
    assert await caches.get("a") is None
    assert await caches.store.command("EXISTS", key) == 0


async def test_an_entry_under_a_foreign_key_is_poison(caches: Caches) -> None:
    """An entry copied over another's key does not answer there."""
    await caches.keep(prompt("a"))
    await caches.store.command("COPY", caches.entry_key("a"), caches.entry_key("b"))
    assert await caches.get("b") is None
    assert await caches.get("a")


@pytest.mark.parametrize("which", ["entry", "vectors"])
async def test_a_key_of_a_foreign_type_is_a_miss_and_heals(caches: Caches, which: str) -> None:
    """A list where an entry or a vector set should be: a miss now, and storing makes it good."""
    key = caches.entry_key("a") if which == "entry" else caches.vectors_key()
    await caches.store.command("LPUSH", key, "x")
    assert await caches.get("a") is None
    assert await caches.look(prompt("a")) is None
    for _ in range(2):
        await caches.keep(prompt("a"))
    assert await caches.get("a")
    assert await caches.look(prompt("a"))


async def test_a_large_answer_is_not_stored(caches: Caches) -> None:
    """The limit counts the bytes of the body as JSON."""
    await caches.keep(prompt("x" * 500), policy=CachePolicy(threshold=0.9, max_answer_bytes=300))
    await caches.keep(prompt("y"), policy=CachePolicy(threshold=0.9, max_answer_bytes=300))
    assert await caches.get("x" * 500) is None
    assert await caches.get("y")


async def test_two_clients_see_one_truth(clean_redis: str) -> None:
    """What one replica stores, another finds; what one forgets is gone for both."""
    stores = [await open_store(clean_redis, StoreSpec(timeout_s=5)) for _ in range(2)]
    one, other = map(Caches, stores)
    await one.keep(prompt("a"))
    assert await other.get("a")
    assert await other.look(prompt("b", 0.97))
    await one.store.command("DEL", one.entry_key("a"))
    assert await other.look(prompt("b", 0.97)) is None
    assert await one.store.command("VCARD", one.vectors_key()) == 0
    for store in stores:
        await store.close()
