"""Which tier a session is on, in a real Redis."""

import asyncio

from app.domain import Caller
from app.route.sessions import SessionTiers
from app.store.client import Store, open_cache_store
from tests.unit.conftest import PATIENT

ORDER = ("small", "medium", "large")
ALICE = Caller("acme", session="alice-1")


async def test_a_session_is_where_it_was_put(store: Store) -> None:
    """And nowhere before."""
    sessions = SessionTiers(store)
    assert await sessions.get(ALICE) == ""
    await sessions.keep(ALICE, "medium", ORDER, 60)
    assert await sessions.get(ALICE) == "medium"


async def test_a_session_goes_up_and_never_down(store: Store) -> None:
    """A ratchet."""
    sessions = SessionTiers(store)
    for tier, stays in (("medium", "medium"), ("small", "medium"), ("large", "large"), ("medium", "large")):
        await sessions.keep(ALICE, tier, ORDER, 60)
        assert await sessions.get(ALICE) == stays


async def test_of_two_replicas_at_once_the_better_tier_wins(store: Store) -> None:
    """In whichever order they come: the comparison is Redis's own."""
    replicas = [SessionTiers(store), SessionTiers(store)]
    for order in (("large", "small"), ("small", "large")):
        caller = Caller("acme", session=order[0])
        pairs = zip(replicas, order, strict=True)
        await asyncio.gather(*(each.keep(caller, tier, ORDER, 60) for each, tier in pairs))
        assert await replicas[0].get(caller) == "large"


async def test_a_session_ends_some_time_after_its_last_request(store: Store) -> None:
    """Each request begins the time anew."""
    sessions = SessionTiers(store)
    await sessions.keep(ALICE, "large", ORDER, 10)
    await sessions.keep(ALICE, "small", ORDER, 100)
    left = await store.command("TTL", store.keys.session_tier("acme", "alice-1"))
    assert 90 < left <= 100
    await sessions.keep(ALICE, "small", ORDER, 1)
    await asyncio.sleep(1.1)
    assert await sessions.get(ALICE) == ""


async def test_sessions_of_tenants_are_apart(store: Store) -> None:
    """One name, two conversations."""
    sessions = SessionTiers(store)
    await sessions.keep(ALICE, "large", ORDER, 60)
    assert await sessions.get(Caller("other", session="alice-1")) == ""


async def test_without_a_session_nothing_is_asked_or_kept(store: Store) -> None:
    """No name is no conversation."""
    sessions = SessionTiers(store)
    await sessions.keep(Caller("acme"), "large", ORDER, 60)
    assert await sessions.get(Caller("acme")) == ""
    assert await store.command("DBSIZE") == 0


async def test_a_tier_that_is_no_more_counts_as_none(store: Store) -> None:
    """Tiers were renamed: the conversation begins where it is routed now."""
    sessions = SessionTiers(store)
    await sessions.keep(ALICE, "huge", ORDER, 60)
    await sessions.keep(ALICE, "small", ORDER, 60)
    assert await sessions.get(ALICE) == "small"


async def test_what_is_no_text_is_replaced(store: Store) -> None:
    """A foreign value under the key costs one answer of "nobody knows", no error."""
    sessions = SessionTiers(store)
    await store.command("LPUSH", store.keys.session_tier("acme", "alice-1"), "x")
    assert await sessions.get(ALICE) == ""
    await sessions.keep(ALICE, "medium", ORDER, 60)
    assert await sessions.get(ALICE) == "medium"


async def test_without_redis_there_is_no_session_tier() -> None:
    """Nobody's request fails for it."""
    away = open_cache_store("redis://127.0.0.1:1/0", PATIENT)
    sessions = SessionTiers(away)
    await sessions.keep(ALICE, "large", ORDER, 60)
    assert await sessions.get(ALICE) == ""
    await away.close()
