"""Similarity proposes, a verifier decides."""

import time
from typing import Any

import pytest

from app.cache.entries import short_id
from app.config.policy import CachePolicy
from app.domain import CacheHit, CacheMiss, Verdict
from app.store.client import Store
from tests.fakes import FakeVerifier
from tests.unit.cache.shelves import Caches, prompt

VERIFIED = CachePolicy()


def about(cosine: float) -> Any:
    """A similarity, but for Q8's rounding."""
    return pytest.approx(cosine, abs=0.01)


def judging(store: Store, **p_by_stored: float) -> Caches:
    """Caches whose verifier gives each stored prompt its probability."""
    return Caches(store, verifier=FakeVerifier(lambda _, stored: p_by_stored.get(stored, 0.0), point=0.8))


async def test_what_the_verifier_accepts_is_a_hit(store: Store) -> None:
    """With the similarity, the probability, the reason and the prompt that was taken for the same."""
    caches = judging(store, a=0.93)
    await caches.keep(prompt("a"))
    hit = await caches.ask(prompt("b", 0.9), policy=VERIFIED)
    assert isinstance(hit, CacheHit)
    assert (hit.kind, hit.p_same, hit.reason, hit.prompt) == ("semantic", 0.93, "fake", "a")
    assert hit.similarity == pytest.approx(0.9, abs=0.01)
    assert hit.entry_id == short_id("a")


async def test_what_the_verifier_refuses_is_a_miss_and_says_why(store: Store) -> None:
    """However similar: the best candidate's numbers stand in the miss."""
    caches = judging(store, a=0.3, c=0.79)
    await caches.keep(prompt("a", 0.999))
    await caches.keep(prompt("c", 0.9))
    miss = await caches.ask(prompt("b"), policy=VERIFIED)
    assert miss == CacheMiss("fake", about(0.9), 0.79)


async def test_the_most_probable_answers_not_the_most_similar(store: Store) -> None:
    """The verifier sees all candidates in one call, nearest first."""
    caches = judging(store, near=0.85, far=0.99)
    await caches.keep(prompt("near", 0.99))
    await caches.keep(prompt("far", 0.8))
    hit = await caches.look(prompt("asked"), policy=VERIFIED)
    assert hit
    assert hit.prompt == "far"
    assert caches.verifier.calls == [("asked", ["near", "far"])]  # type: ignore[attr-defined]


async def test_among_near_equal_ones_the_newest_answers(store: Store) -> None:
    """A hundredth more or less of a probability is no reason for an older answer."""
    caches = judging(store, old=0.95, new=0.944, worse=0.9)
    for name in ("old", "new", "worse"):
        await caches.keep(prompt(name, 0.95))
        caches.now += 10
    hit = await caches.look(prompt("asked"), policy=VERIFIED)
    assert hit
    assert hit.prompt == "new"


@pytest.mark.parametrize(
    ("said", "rival", "hits"),
    [
        (("x", "x", "y"), 0.7, False),
        (("x", "y", "y"), 0.7, False),
        (("x", "x", "y"), 0.5, True),
        (("x", "y", "x"), 0.7, True),
        (("x", "y", "z"), 0.7, True),
    ],
    ids=["doubtful", "the most probable alone", "the rival is too unlikely", "the rival says it too", "free answers"],
)
async def test_of_answers_from_a_closed_list_a_second_one_is_a_doubt(
    store: Store, said: tuple[str, ...], rival: float, hits: bool
) -> None:
    """Where two prompts have one answer word for word, another answer that nearly passes makes a miss; where every
    answer is worded anew, another wording says nothing."""

    class Rated(FakeVerifier):
        def operating_point(self, max_false_hit_rate: float) -> float:
            return 0.9 if max_false_hit_rate < 0.05 else 0.6

    p_same = {"best": 0.95, "other": 0.4, "rival": rival}
    caches = Caches(store, verifier=Rated(lambda _, stored: p_same[stored]))
    for (name, _), says in zip(p_same.items(), said, strict=True):
        await caches.keep(prompt(name, 0.95), says=says)
    found = await caches.ask(prompt("asked"), policy=VERIFIED)
    if hits:
        assert isinstance(found, CacheHit)
        assert found.prompt == "best"
    else:
        assert found == CacheMiss("answers_differ", about(0.95), 0.95)


@pytest.mark.parametrize(("p_same", "hits"), [(0.7, False), (0.8, True), (float("nan"), False)])
async def test_the_operating_point_decides(store: Store, p_same: float, hits: bool) -> None:
    """At or above it; what is not a number is nothing."""
    caches = judging(store, a=p_same)
    await caches.keep(prompt("a"))
    assert bool(await caches.look(prompt("b"), policy=VERIFIED)) is hits


async def test_the_policy_may_set_the_point_itself(store: Store) -> None:
    """`min_p_same` goes before the verifier's own."""
    caches = judging(store, a=0.7)
    await caches.keep(prompt("a"))
    assert await caches.look(prompt("b"), policy=CachePolicy(min_p_same=0.65))
    assert not await caches.look(prompt("b"), policy=CachePolicy(min_p_same=0.75))


async def test_the_point_belongs_to_the_false_hit_rate(store: Store) -> None:
    """The verifier is asked for the point of the policy's own rate."""

    class Strict(FakeVerifier):
        def operating_point(self, max_false_hit_rate: float) -> float:
            return 1 - max_false_hit_rate

    caches = Caches(store, verifier=Strict(lambda *_: 0.95))
    await caches.keep(prompt("a"))
    assert await caches.look(prompt("b"), policy=CachePolicy(max_false_hit_rate=0.1))
    assert not await caches.look(prompt("b"), policy=CachePolicy(max_false_hit_rate=0.01))


async def test_a_threshold_asks_no_verifier(store: Store) -> None:
    """Then the nearest answers, whatever the verifier would say; also below `min_similarity`."""
    caches = Caches(store, verifier=FakeVerifier(error=RuntimeError()))
    await caches.keep(prompt("a", 0.6))
    hit = await caches.look(prompt("b"), policy=CachePolicy(threshold=0.5))
    assert hit
    assert (hit.p_same, hit.reason) == (None, "threshold")
    assert await caches.ask(prompt("b"), policy=CachePolicy(threshold=0.7)) == CacheMiss("no_neighbour", about(0.6))


async def test_candidates_are_few_and_near(store: Store) -> None:
    """`candidates` of them, all at or above `min_similarity`."""
    caches = judging(store)
    for name, cosine in (("a", 0.99), ("b", 0.9), ("c", 0.8), ("d", 0.5)):
        await caches.keep(prompt(name, cosine))
    await caches.look(prompt("asked"), policy=CachePolicy(candidates=2))
    await caches.look(prompt("asked"), policy=CachePolicy(candidates=16))
    await caches.look(prompt("asked"), policy=CachePolicy(candidates=16, min_similarity=0.95))
    assert [stored for _, stored in caches.verifier.calls] == [["a", "b"], ["a", "b", "c"], ["a"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("verifier", "reason"),
    [
        (FakeVerifier(lambda *_: 1.0, error=RuntimeError("boom")), "verifier_failed"),
        (FakeVerifier(lambda *_: 1.0, delay_s=30), "verifier_late"),
    ],
)
async def test_a_verifier_that_fails_or_is_late_is_a_miss(store: Store, verifier: FakeVerifier, reason: str) -> None:
    """In a bounded time, and never an error."""
    caches = Caches(store, verifier=verifier)
    await caches.keep(prompt("a"))
    began = time.perf_counter()
    assert await caches.ask(prompt("b"), policy=VERIFIED) == CacheMiss(reason, about(1.0))
    assert time.perf_counter() - began < 2


async def test_a_verifier_that_answers_too_little_is_a_miss(store: Store) -> None:
    """A verdict is never taken for another candidate's."""

    class Short(FakeVerifier):
        async def verify(self, asked: str, stored: object) -> list[Verdict]:
            return [Verdict(1.0, "fake")]

    caches = Caches(store, verifier=Short())
    await caches.keep(prompt("a"))
    await caches.keep(prompt("b", 0.99))
    assert await caches.ask(prompt("c"), policy=VERIFIED) == CacheMiss("verifier_failed", about(1.0))


async def test_what_is_too_old_for_the_asker_is_no_candidate(store: Store) -> None:
    """`ttl_s` of the asking policy bounds the age; the entry stays for others."""
    caches = judging(store, a=1.0)
    await caches.keep(prompt("a"))
    caches.now += 50
    strict = CachePolicy(ttl_s=49)
    assert await caches.ask(prompt("b"), policy=strict) == CacheMiss("too_old", about(1.0))
    assert await caches.get("a", policy=strict) is None
    hit = await caches.look(prompt("b"), policy=VERIFIED)
    assert hit
    assert hit.age_s == 50


async def test_a_miss_says_what_was_not_there(store: Store) -> None:
    """No neighbour at all, or nothing that may be compared."""
    caches = judging(store)
    assert await caches.ask(prompt("a"), policy=VERIFIED) == CacheMiss("no_neighbour")
    assert await caches.ask(prompt("a"), policy=CachePolicy(semantic=False)) == CacheMiss("not_comparable")
