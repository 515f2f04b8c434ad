"""One call for many: who leads, who follows, and what each sees."""

import asyncio
import time
from contextlib import aclosing
from functools import partial
from typing import Any

import pytest

from app.domain import CacheControl, CacheHit, Chunk, Usage
from app.errors import BackendRejected
from app.store.keys import Keys
from tests.unit.cache.conftest import Launch
from tests.unit.cache.flying import COST, TEXT, WORDS, Client, Replica, until

USAGE = Usage(3, 0, len(WORDS))
STORED: Chunk = {
    "object": "chat.completion",
    "choices": [{"message": {"content": "stored"}, "finish_reason": "stop"}],
}


async def stampede(replicas: list[Replica], asks: list[dict[str, Any]], gate: asyncio.Event) -> list[Client]:
    """All of `asks` at every replica, in the order of `asks`, the first of them first; then the model may speak."""
    asking = []
    for ask in asks:
        for replica in replicas:
            before = replica.joined
            asking.append(asyncio.ensure_future(replica.ask(**ask)))
            await until(partial(replica.has_joined, before + 1))
    gate.set()
    return list(await asyncio.gather(*asking))


async def names(replica: Replica, number: int) -> list[bytes]:
    """Those in Redis, once there are no more than so many."""
    async with asyncio.timeout(10):
        while len(found := list(await replica.store.command("KEYS", "*"))) > number:
            await asyncio.sleep(0.01)
    return found


async def test_twenty_at_once_over_two_replicas_make_one_call(launch: Launch) -> None:
    """All see the whole answer; one pays, nineteen are coalesced and know their tier."""
    gate = asyncio.Event()
    replicas = await launch([gate, *WORDS])
    clients = await stampede(replicas, [{}] * 10, gate)
    assert replicas[0].model.calls == 1
    assert [client.text for client in clients] == [TEXT] * 20
    assert sorted(client.journey.cache for client in clients) == ["coalesced"] * 19 + ["miss"]
    followers = [client.journey for client in clients if client.journey.cache == "coalesced"]
    assert {(journey.tier, journey.cost, journey.usage) for journey in followers} == {("small", 0, Usage())}
    assert {(journey.hit.cost, journey.hit.usage) for journey in followers if journey.hit} == {(COST, USAGE)}


async def test_followers_see_words_while_the_leader_speaks(launch: Launch) -> None:
    """Neither a follower elsewhere nor one here waits for the end, nor for the leader's own client."""
    start, rest = asyncio.Event(), asyncio.Event()
    one, other = await launch([start, WORDS[0], rest, *WORDS[1:]])
    asking = [asyncio.ensure_future(one.ask())]
    await until(lambda: one.joined == 1)
    asking += [asyncio.ensure_future(replica.ask()) for replica in (one, other)]
    await until(lambda: one.joined + other.joined == 3)
    start.set()
    clients = [*one.clients, *other.clients]
    await until(lambda: [client.text for client in clients] == [WORDS[0]] * 3)
    rest.set()
    await asyncio.gather(*asking)
    assert [client.text for client in clients] == [TEXT] * 3
    assert one.model.calls == 1


@pytest.mark.parametrize("led_by_stream", [True, False])
async def test_plain_and_streaming_mix(launch: Launch, led_by_stream: bool) -> None:
    """Each sees the form that it asked for, under its own id and time, with usage where it asked for that."""
    gate = asyncio.Event()
    replicas = await launch([gate, *WORDS])
    wishes: list[dict[str, Any]] = [{"stream": led_by_stream}, {"stream": False}, {}, {"usage": True}]
    clients = await stampede(replicas, wishes, gate)
    assert replicas[0].model.calls == 1
    assert {client.text for client in clients} == {TEXT}
    for plain, bare, full in (clients[2::2], clients[3::2]):
        [body] = plain.seen
        assert (body["object"], body["choices"][0]["finish_reason"]) == ("chat.completion", "stop")
        assert body["usage"]["completion_tokens"] == len(WORDS)
        assert body["leanserve"] == account(plain)
        assert not any("usage" in chunk for chunk in bare.seen)
        assert [chunk for chunk in full.seen if chunk.get("usage")] == full.seen[-1:]
        assert full.seen[-1]["leanserve"] == account(full)
        for client in (plain, bare, full):
            assert {chunk["id"] for chunk in client.seen} == {client.journey.request.id}
            assert all(abs(chunk["created"] - time.time()) < 60 for chunk in client.seen)


def account(client: Client) -> Chunk:
    request_id = client.journey.request.id
    return {"request_id": request_id, "tier": "small", "cache": "coalesced", "cost_usd": 0.0}


async def test_what_may_not_be_shared_goes_alone(launch: Launch) -> None:
    """Other tenants, other keys, other cache policies, and clients and policies that keep out."""
    gate = asyncio.Event()
    one, other = await launch([gate, *WORDS])
    shared: list[dict[str, Any]] = [
        {},
        {"tenant": "other"},
        {"tenant": "acme}"},
        {"key": "another"},
        {"cache": {"max_false_hit_rate": 0.2}},
    ]
    alone: list[dict[str, Any]] = [
        {"cache": {"coalesce": False}},
        {"cache": {"exact": False}},
        {"control": CacheControl(read=False)},
        {"control": CacheControl(write=False)},
        {"control": CacheControl(only_if_cached=True)},
    ]
    calls = len(shared) + 2 * len(alone)
    asking = [asyncio.ensure_future(replica.ask(**ask)) for ask in shared + alone for replica in (one, other)]
    await until(lambda: one.model.calls == calls and one.joined + other.joined == 2 * len(shared))
    gate.set()
    clients = await asyncio.gather(*asking)
    assert {client.text for client in clients} == {TEXT}
    assert one.model.calls == calls


async def test_nobody_follows_and_nothing_travels(launch: Launch) -> None:
    """An answer that nobody else wants is not written to Redis, and leaves nothing there."""
    one, _ = await launch(WORDS, lease_s=60)
    assert (await one.ask()).text == TEXT
    assert await names(one, 0) == []


async def test_the_records_go_by_themselves(launch: Launch) -> None:
    """What followers elsewhere asked for has an end, and the flight's name is free long before its lease ends."""
    gate = asyncio.Event()
    replicas = await launch([gate, *WORDS], lease_s=60)
    await stampede(replicas, [{}], gate)
    [records] = await names(replicas[0], 1)
    assert records.startswith(Keys().records("acme", "x")[:-1].encode())
    assert 0 < await replicas[0].store.command("PTTL", records) <= 15_000


async def test_who_comes_late_finds_the_answer_in_the_cache(launch: Launch) -> None:
    """Before the flight an answer may have been stored: the cache is asked again, and nobody called."""
    one, _ = await launch(WORDS)
    hit = CacheHit("exact", "e", 1.0, 0.0, STORED, Usage(), "small")
    await one.store.command("SET", one.entry("k"), "there")
    client = await one.ask(look=lambda: answered(hit))
    assert (one.model.calls, client.text) == (0, "stored")


async def test_an_entry_that_may_not_answer_stops_no_flight(launch: Launch) -> None:
    """It is too old for this client, say: those who want a fresh answer still share one."""
    gate = asyncio.Event()
    replicas = await launch([gate, *WORDS])
    await replicas[0].store.command("SET", replicas[0].entry("k"), "old")
    asking = [asyncio.ensure_future(replica.ask()) for replica in replicas for _ in range(5)]
    await until(lambda: sum(replica.joined for replica in replicas) == 20)
    gate.set()
    assert {client.text for client in await asyncio.gather(*asking)} == {TEXT}
    assert replicas[0].model.calls == 1


async def answered(hit: CacheHit | None) -> CacheHit | None:
    return hit


async def test_the_flight_lasts_until_the_answer_is_in_the_cache(launch: Launch) -> None:
    """Who comes while it is being stored follows; nobody calls again."""
    one, other = await launch(WORDS)
    one.model.storing = asyncio.Event()
    assert (await one.ask()).text == TEXT
    clients = [await replica.ask() for replica in (one, other)]
    assert [client.text for client in clients] == [TEXT] * 2
    assert one.model.calls == 1
    one.model.storing.set()
    await until(lambda: not one.flights.running)
    assert (await other.ask()).text == TEXT
    assert one.model.calls == 2


async def test_a_hit_by_meaning_is_everybodys(launch: Launch) -> None:
    """The leader's lookup serves all; who takes nothing that old asks for itself."""
    gate = asyncio.Event()
    hit = CacheHit("semantic", "e", 0.9, 500.0, STORED, Usage(), "large", 0.99)
    replicas = await launch([gate, hit], WORDS)
    clients = await stampede(replicas, [{}, {}, {"control": CacheControl(max_age_s=60)}], gate)
    assert [client.text for client in clients] == ["stored"] * 4 + [TEXT] * 2
    assert [(client.journey.cache, client.journey.hit) for client in clients[1:4]] == [("semantic", hit)] * 3
    assert {client.journey.cache for client in clients[4:]} <= {"miss", "coalesced"}


async def test_a_refusal_of_the_request_is_everybodys(launch: Launch) -> None:
    """The engine would refuse each of them: it is asked once."""
    gate = asyncio.Event()
    replicas = await launch([gate, BackendRejected("too long", 413, "messages")])
    asking = [asyncio.ensure_future(replica.ask()) for _ in range(3) for replica in replicas]
    await until(lambda: sum(replica.joined for replica in replicas) == 6)
    gate.set()
    errors = await asyncio.gather(*asking, return_exceptions=True)
    assert [(type(error), getattr(error, "args", ())) for error in errors] == [
        (BackendRejected, ("too long", 413, "messages"))
    ] * 6
    assert replicas[0].model.calls == 1


async def test_a_slow_client_of_the_leader_slows_nobody(launch: Launch) -> None:
    """It takes one chunk and no more; its followers have all of it, and it still has all when it wakes."""
    one, other = await launch(WORDS)
    leader, answer = one.answer()
    async with aclosing(answer) as parts:
        leader.seen += await anext(parts)
        clients = await asyncio.gather(one.ask(), other.ask())
        assert [client.text for client in clients] == [TEXT] * 2
        async for chunks in parts:
            leader.seen += chunks
    assert leader.text == TEXT
    assert one.model.calls == 1


async def test_a_slow_follower_slows_nobody(launch: Launch) -> None:
    """Neither the leader nor the other followers wait for one that does not read."""
    gate = asyncio.Event()
    one, other = await launch([gate, *WORDS])
    leader = asyncio.ensure_future(one.ask())
    await until(lambda: one.joined == 1)
    slow, answer = other.answer()
    async with aclosing(answer) as parts:
        first = asyncio.ensure_future(anext(parts))
        quick = asyncio.ensure_future(other.ask())
        gate.set()
        assert [client.text for client in await asyncio.gather(leader, quick)] == [TEXT] * 2
        slow.seen += await first
        async for chunks in parts:
            slow.seen += chunks
    assert slow.text == TEXT


async def test_alone_the_engine_is_pulled_as_by_the_client(launch: Launch) -> None:
    """Without followers an answer is made as fast as its client reads, and not faster."""
    one, _ = await launch(["a"] * 50)
    leader, answer = one.answer()
    async with aclosing(answer) as parts:
        for _ in range(3):
            leader.seen += await anext(parts)
        await asyncio.sleep(0.05)
        assert one.model.said <= 3
