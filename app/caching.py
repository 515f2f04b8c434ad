"""What one request may ask of the caches, and what they said: decisions over a `Journey`, nothing awaited.

The policy sets the bounds, the client may narrow them (`x-leanserve-cache`), never widen them.
"""

from app.cache.eligibility import Ruling
from app.config.policy import CachePolicy
from app.domain import AUTO_MODEL, CacheHit, CacheMiss, PromptKeys
from app.errors import NotCached
from app.journey import Journey

NO_CACHE = "no-cache"
STORE_AWAY = "store_unavailable"


def ruled(journey: Journey, ruling: Ruling) -> None:
    """Keep the ruling; a client that reads nothing is the reason of its own bypass."""
    journey.eligibility, journey.cache_reason = ruling.level, ruling.reason
    if ruling.level != "no" and not journey.request.cache_control.read:
        journey.cache_reason = NO_CACHE


def reads_exact(journey: Journey) -> bool:
    """Whether the very same request may have been answered before."""
    return journey.policy.cache.exact and journey.eligibility != "no" and journey.request.cache_control.read


def reads_meaning(journey: Journey, keys: PromptKeys) -> bool:
    """Whether one that asks the same may have been. A store that was just away is not waited for twice."""
    reads = journey.request.cache_control.read and journey.cache_reason != STORE_AWAY
    return reads and bool(keys.neighbourhood) and journey.policy.cache.semantic


def writes(journey: Journey) -> bool:
    """Whether a complete answer may be kept."""
    return journey.eligibility != "no" and journey.request.cache_control.write


def shares(journey: Journey) -> bool:
    """Whether a request that found nothing may lead or follow others like it.

    What a client keeps out of the cache is not shared in flight either; `only-if-cached` asks for what is there now.
    """
    control = journey.request.cache_control
    looked = reads_exact(journey) and journey.cache == "miss" and journey.cache_reason != STORE_AWAY
    return looked and control.write and not control.only_if_cached and journey.policy.cache.coalesce


def needs_embedding(journey: Journey, keys: PromptKeys) -> bool:
    """Whether a later stage reads the embedding: it is the dearest light stage."""
    if reads_meaning(journey, keys):
        return True
    if journey.request.cache_control.only_if_cached:
        return False
    kept = writes(journey) and keys.neighbourhood and journey.policy.cache.semantic
    return bool(kept) or (journey.request.model == AUTO_MODEL and not journey.request.step.kind)


def reading(journey: Journey) -> CachePolicy:
    """The cache policy for a lookup: no entry older than its `ttl_s`, which the client's `max-age` may shorten."""
    policy, max_age_s = journey.policy.cache, journey.request.cache_control.max_age_s
    if max_age_s is None or max_age_s >= policy.ttl_s:
        return policy
    return policy.model_copy(update={"ttl_s": int(max_age_s)})


def record(journey: Journey, found: CacheHit | CacheMiss | None) -> CacheHit | None:
    """What a lookup found, unless it is too old: features share entries and have ages of their own."""
    if isinstance(found, CacheMiss):
        journey.miss, journey.cache_reason, found = found, found.reason, None
    fresh = found if found and found.age_s <= reading(journey).ttl_s else None
    journey.hit = fresh
    journey.cache = fresh.kind if fresh else "miss"
    if fresh:
        journey.cache_reason = fresh.reason
    return fresh


def record_fault(journey: Journey) -> None:
    """The store is away: a miss."""
    journey.cache, journey.cache_reason = "miss", STORE_AWAY


def refuse_if_only_cached(journey: Journey) -> None:
    """Raises `NotCached` for a client that wants no model called (RFC 9111, section 5.2.1.7: 504)."""
    if journey.request.cache_control.only_if_cached:
        raise NotCached("no cached answer, and only-if-cached forbids to call a model")
