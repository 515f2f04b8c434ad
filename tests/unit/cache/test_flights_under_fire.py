"""Leaders that fail, leave, die or fall silent: nobody hangs, and nobody sees two answers in one."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from app.cache.flights.flights import Flights
from app.config.gateway import StoreSpec
from app.config.policy import AttemptPolicy
from app.errors import BackendTimeout, BackendUnavailable
from app.store.client import open_store
from app.store.embedded import EmbeddedRedis, free_port
from tests.unit.cache.conftest import Launch
from tests.unit.cache.flying import LEASE_S, TEXT, WORDS, Client, FakeModel, FragileStore, Replica, until

DOWN = BackendUnavailable("down")
OTHER = ["quite", " another", " story"]
OTHER_TEXT = "".join(OTHER)
Asking = asyncio.Task[Client]


async def ask(replica: Replica, **options: Any) -> Asking:
    """A request that has led or followed when this returns."""
    before = replica.joined
    asking = asyncio.ensure_future(replica.ask(**options))
    await until(lambda: replica.joined > before)
    return asking


async def test_who_fails_before_its_first_chunk_is_followed_by_one(launch: Launch) -> None:
    """Of those who followed one calls, the others follow it; the fault is told to the first leader alone."""
    gate, second = asyncio.Event(), asyncio.Event()
    one, other = await launch([gate, DOWN], [second, *WORDS])
    leader = await ask(one)
    followers = [await ask(replica, stream=stream) for replica in (one, other) for stream in (True, False)]
    gate.set()
    with pytest.raises(BackendUnavailable, match="down"):
        await leader
    await until(lambda: one.joined + other.joined == 9)
    second.set()
    clients = await asyncio.gather(*followers)
    assert [client.text for client in clients] == [TEXT] * 4
    assert sorted(client.journey.cache for client in clients) == ["coalesced"] * 3 + ["miss"]
    assert one.model.calls == 2


async def test_who_fails_midway_takes_nobody_along_who_has_shown_nothing(launch: Launch) -> None:
    """A stream that was shown in part ends with a clean error; a plain answer is made again, and is one answer."""
    rest, second = asyncio.Event(), asyncio.Event()
    one, other = await launch([WORDS[0], rest, DOWN], [second, *OTHER])
    leader = await ask(one)
    streams = [await ask(replica) for replica in (one, other)]
    plain = [await ask(replica, stream=False) for replica in (one, other)]
    clients = [one.clients[1], other.clients[0]]
    await until(lambda: [client.text for client in clients] == [WORDS[0]] * 2)
    rest.set()
    await until(lambda: one.joined + other.joined == 7)
    second.set()
    errors = await asyncio.gather(leader, *streams, return_exceptions=True)
    assert [type(error) for error in errors] == [BackendUnavailable] * 3
    assert [client.text for client in clients] == [WORDS[0]] * 2
    assert [client.text for client in await asyncio.gather(*plain)] == [OTHER_TEXT] * 2
    assert one.model.calls == 2


async def test_where_every_leader_fails_nobody_waits_for_all(launch: Launch) -> None:
    """A request follows a few times, then goes alone, and hears of the fault of its own call."""
    one, other = await launch([asyncio.Event(), DOWN])
    asking = [await ask(replica) for _ in range(6) for replica in (one, other)]
    for gate in one.model.scripts[0]:
        if isinstance(gate, asyncio.Event):
            gate.set()
    errors = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(error) for error in errors] == [BackendUnavailable] * 12
    assert one.model.calls == 12
    assert one.joined + other.joined <= 12 * 3


async def test_a_leaders_client_that_leaves_takes_nobody_along(launch: Launch) -> None:
    """While somebody follows, the answer is finished, by the same call."""
    rest = asyncio.Event()
    one, other = await launch([WORDS[0], rest, *WORDS[1:]])
    leader = await ask(one)
    followers = [await ask(replica) for replica in (one, other)]
    await until(lambda: other.clients[0].text == WORDS[0])
    leader.cancel()
    rest.set()
    assert [client.text for client in await asyncio.gather(*followers)] == [TEXT] * 2
    assert (one.model.calls, one.model.stopped) == (1, 0)


async def test_when_all_have_left_the_engine_stops(launch: Launch) -> None:
    """The leader's client first, then those who followed, here and elsewhere."""
    one, other = await launch([WORDS[0], asyncio.Event()])
    leader = await ask(one)
    followers = [await ask(replica) for replica in (one, other)]
    await until(lambda: other.clients[0].text == WORDS[0])
    for client in (leader, *followers):
        assert one.model.stopped == 0
        client.cancel()
        await asyncio.sleep(0.05)
    await until(lambda: one.model.stopped == 1)
    await until(lambda: not one.flights.running)
    assert one.model.calls == 1


async def test_who_leaves_alone_stops_the_engine_and_frees_the_flight(launch: Launch) -> None:
    """The next one leads at once."""
    one, other = await launch([asyncio.Event()], WORDS)
    leader = await ask(one)
    await until(lambda: one.model.calls == 1)
    leader.cancel()
    await until(lambda: one.model.stopped == 1 and not one.flights.running)
    assert (await other.ask()).journey.cache == "miss"


@pytest.mark.parametrize("followed", [False, True])
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_who_comes_while_an_answer_is_given_up_gets_one_of_its_own(
    launch: Launch, *, followed: bool, elsewhere: bool
) -> None:
    """Its leader's client left, and whoever followed: what was said so far is not shown to break off."""
    replicas = await launch([WORDS[0], asyncio.Event()], OTHER)
    one = replicas[0]
    one.model.leaving = asyncio.Event()
    asking = [await ask(one) for _ in range(1 + followed)]
    await until(lambda: one.clients[0].text == WORDS[0])
    for each in asking:
        each.cancel()
    await until(lambda: one.model.stopped == 1)
    late = asyncio.ensure_future(replicas[elsewhere].ask())
    await asyncio.sleep(LEASE_S / 2)
    one.model.leaving.set()
    assert (await late).text == OTHER_TEXT
    await asyncio.gather(*asking, return_exceptions=True)


async def test_a_leader_that_dies_before_its_first_chunk_is_replaced(launch: Launch) -> None:
    """Its lease runs out, one of those who followed leads, the others follow it."""
    second = asyncio.Event()
    one, other = await launch([asyncio.Event()], [second, *WORDS])
    lost = await ask(one)
    followers = [await ask(other) for _ in range(5)]
    began = time.monotonic()
    one.store.cut = True
    await until(lambda: other.joined == 10)
    second.set()
    clients = await asyncio.gather(*followers)
    assert time.monotonic() - began < LEASE_S + 1
    assert [client.text for client in clients] == [TEXT] * 5
    assert one.model.calls == 2
    lost.cancel()


async def test_a_leader_that_dies_midway_hangs_nobody(launch: Launch) -> None:
    """What was shown in part ends with an error, what was not is made again."""
    one, other = await launch([WORDS[0], asyncio.Event()], OTHER)
    lost = await ask(one)
    stream, plain = await ask(other), await ask(other, stream=False)
    await until(lambda: other.clients[0].text == WORDS[0])
    one.store.cut = True
    assert (await asyncio.wait_for(plain, LEASE_S + 1)).text == OTHER_TEXT
    with pytest.raises(BackendUnavailable, match="broke off"):
        await asyncio.wait_for(stream, LEASE_S + 3)
    assert other.clients[0].text == WORDS[0]
    lost.cancel()


async def test_a_leader_that_was_away_for_a_moment_goes_on(launch: Launch) -> None:
    """A lease that ran out is taken up again where nobody else did: its followers lose and repeat nothing."""
    rest = asyncio.Event()
    one, other = await launch([WORDS[0], rest, *WORDS[1:]])
    leader, follower = await ask(one), await ask(other)
    await until(lambda: other.clients[0].text == WORDS[0])
    one.store.cut = True
    await asyncio.sleep(LEASE_S * 1.3)
    one.store.cut = False
    rest.set()
    assert [client.text for client in await asyncio.gather(leader, follower)] == [TEXT] * 2
    assert one.model.calls == 1


async def test_a_leader_that_was_replaced_is_not_heard_again(launch: Launch) -> None:
    """Back from where it was, it ends its own client's answer and disturbs no other."""
    back, slow = asyncio.Event(), asyncio.Event()
    one, other = await launch([back, *WORDS], [OTHER[0], slow, *OTHER[1:]])
    first = await ask(one)
    one.store.cut = True
    second = await ask(other)
    await until(lambda: other.clients[0].text == OTHER[0])
    one.store.cut = False
    back.set()
    assert (await first).text == TEXT
    third = await ask(one)
    slow.set()
    assert [client.text for client in await asyncio.gather(second, third)] == [OTHER_TEXT] * 2
    assert one.model.calls == 2


async def test_a_long_answer_is_its_leaders_alone(launch: Launch) -> None:
    """Who has shown nothing calls for itself; memory and Redis hold no more than the limit."""
    gate = asyncio.Event()
    one, other = await launch([gate, *["word "] * 50], max_bytes=2000)
    asking = [await ask(one), await ask(one, stream=False), await ask(other, stream=False)]
    gate.set()
    assert [client.text for client in await asyncio.gather(*asking)] == ["word " * 50] * 3


async def test_nobody_waits_longer_than_a_request_may_take(launch: Launch) -> None:
    """A follower's own time-out."""
    one, other = await launch([asyncio.Event()])
    leader = await ask(one)
    with pytest.raises(BackendTimeout):
        await other.ask(attempts=AttemptPolicy(total_timeout_s=0.3))
    leader.cancel()


async def test_foreign_bytes_are_not_shown(launch: Launch) -> None:
    """Who reads them makes the answer itself."""
    gate = asyncio.Event()
    one, other = await launch([gate, *WORDS], OTHER)
    leader, follower = await ask(one), await ask(other)
    [flight] = await one.store.command("KEYS", "*:flight:*")
    token = await one.store.command("HGET", flight, "leader")
    await one.store.command("RPUSH", one.store.keys.records("acme", token.decode()), b"+poison")
    gate.set()
    assert (await follower).text == OTHER_TEXT
    assert (await leader).text == TEXT


async def test_a_frozen_redis_hangs_nobody(tmp_path: Path) -> None:
    """Who leads or follows here goes on, who follows elsewhere and who comes now goes alone: all have an answer."""
    with EmbeddedRedis(tmp_path, port=free_port()) as server:
        start = asyncio.Event()
        model = FakeModel([[start, *WORDS]])
        stores = [FragileStore(await open_store(server.url, StoreSpec(timeout_s=0.1))) for _ in range(2)]
        one, other = [Replica(Flights(store), store, model) for store in stores]
        asking = [await ask(one), await ask(one), await ask(other)]
        os.kill(server.pid, signal.SIGSTOP)
        try:
            asking += [asyncio.ensure_future(replica.ask()) for replica in (one, other)]
            await until(lambda: model.calls == 4, 5)
            start.set()
            assert [client.text for client in await asyncio.gather(*asking)] == [TEXT] * 5
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await until(lambda: not one.flights.running + other.flights.running, 10)
        for store in stores:
            await store.close()
