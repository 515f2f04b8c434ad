"""Two ingress replicas, one of which is killed: streams and books, and the same question from many at once."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import pytest
import redis

from tests.serve.fused import (
    BROKEN,
    INPUT,
    KILLED_AFTER_S,
    RECLAIMED_S,
    STREAMS,
    Told,
    booked,
    busiest,
    flood,
    reclaimed_in,
)
from tests.serve.mortal import FIRST_TOKEN_MS, LIMIT, TOKEN_MS, Mortal, both_answer, started
from tests.serve.stampede import CUT_OFF, DEAD_S, LEASE_S, MIXED, Outcome, attempts, kill_leader, stampede
from tests.serve.test_graph import until

pytestmark = pytest.mark.serve


@pytest.fixture(scope="module")
def graph(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    """One for all."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    with started(redis_url, tmp_path_factory.mktemp("kills")) as running:
        yield running


@pytest.fixture
def mortal(graph: Mortal) -> Mortal:
    """It, with both replicas there, whoever was killed before."""
    assert until(lambda: both_answer(graph.cluster), 60)
    return graph


def test_a_stream_that_ends_in_the_middle_made_no_token_more(mortal: Mortal, redis_url: str) -> None:
    """All that the limit leaves is used; engine, clients and books agree to the token, and every client knows why."""
    before, told = mortal.engine()["produced"], [Told() for _ in range(STREAMS)]
    asyncio.run(flood(mortal.cluster, "rich", told))
    assert until(lambda: mortal.engine()["active"] == 0)
    spent, held = asyncio.run(booked(redis_url, "rich"))
    shown = sum(each.tokens for each in told)
    assert mortal.engine()["produced"] - before == shown
    assert (spent, held) == (shown + INPUT * sum(each.tokens > 0 for each in told), 0)
    assert LIMIT - STREAMS <= spent <= LIMIT
    endings = {(each.ended, each.cause) for each in told if each.tokens}
    assert ("length", "budget_exceeded") in endings
    assert endings <= {("stop", ""), ("length", "budget_exceeded")}


def test_a_killed_ingress_leaves_no_engine_without_a_grant(mortal: Mortal, redis_url: str) -> None:
    """Its engines make no more than was granted; in ten seconds the books hold nothing and say at least as much."""
    before, told = mortal.engine()["produced"], [Told() for _ in range(STREAMS)]

    async def scene() -> float:
        asking = asyncio.ensure_future(flood(mortal.cluster, "acme", told))
        await asyncio.sleep(KILLED_AFTER_S)
        os.kill(busiest(redis_url), signal.SIGKILL)
        took = await reclaimed_in(redis_url, told)
        await asking
        return took

    took = asyncio.run(scene())
    assert BROKEN in {each.cause for each in told}
    assert took < RECLAIMED_S
    assert until(lambda: mortal.engine()["active"] == 0)
    spent, held = asyncio.run(booked(redis_url, "acme"))
    produced = mortal.engine()["produced"] - before
    print(f"reclaimed in {took:.1f} s; shown {sum(each.tokens for each in told)}, made {produced}, spent {spent}")
    assert sum(each.tokens for each in told) <= produced <= spent <= LIMIT
    assert held == 0


def orphaned(mortal: Mortal, redis_url: str, model: str, text: str, after_s: float) -> tuple[list[Outcome], float]:
    """What becomes of clients whose leader is killed after so many seconds, and how long that takes."""

    async def scene() -> list[Outcome]:
        outcomes, _ = await asyncio.gather(
            stampede(mortal.cluster, model, text, MIXED), kill_leader(redis_url, after_s)
        )
        return outcomes

    began = time.monotonic()
    return asyncio.run(scene()), time.monotonic() - began


def test_twenty_clients_of_two_replicas_make_one_call(mortal: Mortal) -> None:
    """Plain and streaming; one pays."""
    before = attempts(mortal.cluster)
    outcomes = asyncio.run(stampede(mortal.cluster, "small", "tell me of the sea", MIXED))
    assert {(outcome.status, outcome.error) for outcome in outcomes} == {(200, "")}
    assert len({outcome.text for outcome in outcomes}) == 1
    assert sorted(outcome.cache for outcome in outcomes) == ["coalesced"] * 19 + ["miss"]
    assert attempts(mortal.cluster) - before == 1


def test_a_killed_leader_hangs_nobody(mortal: Mortal, redis_url: str) -> None:
    """Before its first token: who was connected to it sees a clean error, all others one answer, from one more call."""
    outcomes, took_s = orphaned(mortal, redis_url, "small", "tell me of the mountains", 1.0)
    assert took_s < 1 + LEASE_S + FIRST_TOKEN_MS / 1000 + 5
    answered = [outcome for outcome in outcomes if outcome.status == 200]
    assert {outcome.status for outcome in outcomes} <= {200, *CUT_OFF}
    assert {outcome.error for outcome in outcomes} <= {"", "replica_unavailable"}
    assert {outcome.error for outcome in answered} == {""}
    assert 2 <= len(answered) < 20
    assert len({outcome.text for outcome in answered}) == 1
    assert [outcome.cache for outcome in answered].count("miss") == 1
    assert until(lambda: both_answer(mortal.cluster), 60)


def test_a_leader_killed_in_the_middle_hangs_nobody(mortal: Mortal, redis_url: str) -> None:
    """What was shown in part ends with OpenAI's error in the stream; who had been shown nothing has a whole answer.

    On a busy machine the leader may die before its first token: then nobody was shown a part.
    """
    outcomes, took_s = orphaned(mortal, redis_url, "large", "tell me of the desert", 2.0)
    assert took_s < 2 + LEASE_S + DEAD_S + 32 * TOKEN_MS / 1000 + 5
    assert {outcome.status for outcome in outcomes} <= {200, *CUT_OFF}
    answered = [(outcome, stream) for outcome, stream in zip(outcomes, MIXED, strict=True) if outcome.status == 200]
    streams = [outcome for outcome, stream in answered if stream]
    whole = [outcome for outcome, stream in answered if not stream]
    assert {outcome.error for outcome in streams} <= {"", "backend_unavailable"}
    assert {outcome.error for outcome in whole} == {""}
    assert all(whole[0].text.startswith(outcome.text) for outcome in streams)
    assert len({outcome.text for outcome in whole}) == 1
    assert [outcome.cache for outcome in whole].count("miss") <= 1  # or a stream that had been shown nothing leads
