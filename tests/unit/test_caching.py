"""What one request may ask of the caches."""

from dataclasses import replace
from typing import Any

import pytest

from app import caching
from app.cache.eligibility import Ruling
from app.config.policy import CachePolicy, Eligibility, Policy
from app.domain import CacheControl, CacheHit, CacheMiss, GatewayRequest, PromptKeys, Usage
from app.errors import NotCached
from app.journey import Journey

NEAR, FAR = PromptKeys("k", "c", "c"), PromptKeys("k", "c")
HIT = CacheHit("semantic", "e1", 0.9, 10.0, {}, Usage(), "small", 0.99, "synonyms")


def journey(
    level: Eligibility = "semantic", *, model: str = "small", control: dict[str, Any] | None = None, **policy: Any
) -> Journey:
    """A request that was ruled so."""
    request = GatewayRequest("r1", "chat", {"model": model}, cache_control=CacheControl(**(control or {})))
    made = Journey(request, Policy(cache=CachePolicy.model_validate(policy)))
    caching.ruled(made, Ruling(level, "" if level == "semantic" else "seed"))
    return made


def allowed(of: Journey, keys: PromptKeys = NEAR) -> tuple[bool, bool, bool]:
    """Exact lookup, semantic lookup, writing."""
    return caching.reads_exact(of), caching.reads_meaning(of, keys), caching.writes(of)


def test_what_a_ruling_allows() -> None:
    """`no` stops writing too. `exact` has no neighbourhood: its keys stop the vector side."""
    assert allowed(journey("semantic")) == (True, True, True)
    assert allowed(journey("exact"), FAR) == (True, False, True)
    assert allowed(journey("no"), FAR) == (False, False, False)


def test_a_client_may_be_stricter() -> None:
    """It reads nothing, writes nothing, or both; and is told that it was its own wish."""
    assert allowed(journey(control={"read": False})) == (False, False, True)
    assert allowed(journey(control={"write": False})) == (True, True, False)
    assert journey(control={"read": False}).cache_reason == caching.NO_CACHE
    assert journey("no", control={"read": False}).cache_reason == "seed"


def test_a_policy_switches_each_cache() -> None:
    """Whatever the request is."""
    assert allowed(journey(exact=False)) == (False, True, True)
    assert allowed(journey(semantic=False)) == (True, False, True)


def test_after_a_fault_of_the_store_it_is_not_asked_again() -> None:
    """A frozen Redis costs one time-out. It is a miss, and the answer may still be kept."""
    made = journey()
    caching.record_fault(made)
    assert made.cache == "miss"
    assert made.cache_reason == "store_unavailable"
    assert not caching.reads_meaning(made, NEAR)
    assert caching.writes(made)


@pytest.mark.parametrize(
    ("of", "keys", "needed"),
    [
        (journey(), NEAR, True),
        (journey(), FAR, False),
        (journey("exact"), FAR, False),
        (journey("exact", model="auto"), FAR, True),
        (journey(control={"read": False}), NEAR, True),
        (journey(control={"read": False, "write": False}), NEAR, False),
        (journey(control={"only_if_cached": True}), NEAR, True),
        (journey(model="auto", control={"only_if_cached": True}), FAR, False),
        (journey(semantic=False), NEAR, False),
    ],
)
def test_an_embedding_is_made_only_where_it_is_read(of: Journey, keys: PromptKeys, *, needed: bool) -> None:
    """By the semantic lookup, the vector to store, or the router."""
    assert caching.needs_embedding(of, keys) is needed


@pytest.mark.parametrize(("max_age_s", "ttl_s"), [(None, 60), (0, 0), (5, 5), (60, 60), (61, 60), (10**18, 60)])
def test_max_age_narrows_and_never_widens(max_age_s: float | None, ttl_s: int) -> None:
    """The stricter of the client's and the policy's bound holds."""
    of = journey(control={"max_age_s": max_age_s}, ttl_s=60)
    assert caching.reading(of).ttl_s == ttl_s
    assert of.policy.cache.ttl_s == 60


@pytest.mark.parametrize("kind", ["exact", "semantic"])
@pytest.mark.parametrize(("age_s", "answers"), [(0.0, True), (59.9, True), (60.0, True), (60.1, False)])
def test_an_entry_answers_until_it_is_too_old(kind: Any, age_s: float, *, answers: bool) -> None:
    """By the time to live of the feature that asks, whoever stored it; a coalesced answer is of age 0."""
    of = journey(ttl_s=60)
    found = caching.record(of, replace(HIT, kind=kind, age_s=age_s))
    assert (found is not None) is answers
    assert of.cache == (kind if answers else "miss")
    assert caching.record(journey(control={"max_age_s": 0}), replace(HIT, kind="coalesced", age_s=0.0))


def test_what_a_lookup_said_is_kept() -> None:
    """The verifier's reason, of a hit as of a refusal; an exact hit has none."""
    of = journey()
    assert caching.record(of, CacheMiss("number", 0.98, 0.01)) is None
    assert (of.cache, of.cache_reason, of.miss) == ("miss", "number", CacheMiss("number", 0.98, 0.01))
    assert caching.record(of, HIT) is HIT
    assert (of.cache, of.cache_reason, of.hit) == ("semantic", "synonyms", HIT)
    caching.record(of, replace(HIT, kind="exact", reason=""))
    assert of.cache_reason == ""


def test_only_if_cached_calls_no_model() -> None:
    """A fault with its own code; who did not say so goes on."""
    caching.refuse_if_only_cached(journey())
    with pytest.raises(NotCached) as refused:
        caching.refuse_if_only_cached(journey(control={"only_if_cached": True}))
    assert refused.value.http_status == 504
    assert refused.value.body()["error"]["code"] == "cache_miss"
