"""Poisoned or foreign bytes where an answer should be: a miss for the client, and the bytes go."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest
import redis

from app.cache.entries import FORMAT
from tests.harness import Running, Setup, eventually, serving

Poison = Callable[[redis.Redis, str, bytes], object]


@pytest.fixture(scope="module", params=["exact", "semantic"])
def by(request: pytest.FixtureRequest) -> str:
    """The way to the entry: by its key, or by the meaning alone."""
    return str(request.param)


@pytest.fixture(scope="module")
def running(redis_url: str, by: str) -> Iterator[Running]:
    """One gateway for all poisons: each test empties its Redis."""
    with serving(Setup(redis_url, policy={"cache": {"exact": by == "exact"}})) as found:
        yield found


@pytest.fixture
def admin(clean_redis: str) -> Iterator[redis.Redis]:
    """The server's back door."""
    with redis.Redis.from_url(clean_redis) as client:
        yield client


def put(value: bytes) -> Poison:
    """Write `value` over the entry."""
    return lambda admin, key, _old: admin.set(key, value)


def changed(change: Callable[[bytes], bytes]) -> Poison:
    """Write the changed entry over the entry."""
    return lambda admin, key, old: admin.set(key, change(old))


def a_list(admin: redis.Redis, key: str, _old: bytes) -> None:
    """Another type of key."""
    admin.delete(key)
    admin.rpush(key, "x")


def with_choices(choices: Any) -> Callable[[bytes], bytes]:
    """The entry with other choices in its answer."""

    def change(old: bytes) -> bytes:
        fields = msgspec.msgpack.decode(old[old.index(b"\n") + 1 :])
        place = next(
            number for number, field in enumerate(fields) if isinstance(field, bytes) and b'"choices"' in field
        )
        fields[place] = json.dumps({**json.loads(fields[place]), "choices": choices}).encode()
        return old[: old.index(b"\n") + 1] + msgspec.msgpack.encode(fields)

    return change


POISONS: dict[str, Poison] = {
    "empty": put(b""),
    "random": put(bytes(range(256)) * 4),
    "text": put("ein Gruß".encode()),
    "truncated": changed(lambda old: old[: len(old) // 2]),
    "one byte short": changed(lambda old: old[:-1]),
    "bytes behind it": changed(lambda old: old + b"x"),
    "an older format": changed(lambda old: b"leanserve:0\n" + old.split(b"\n", 1)[1]),
    "our mark, foreign content": put(FORMAT + msgspec.msgpack.encode({"role": "admin"})),
    "our mark, nothing": put(FORMAT),
    "our mark, an array of other things": put(FORMAT + msgspec.msgpack.encode([1, "a", None])),
    "another type": a_list,
    "no choices": changed(with_choices([])),
    "choices that are a text": changed(with_choices("abc")),
    "choices that are numbers": changed(with_choices([1, 2])),
    "a choice without a message": changed(with_choices([{"index": 0, "finish_reason": "stop"}])),
    "a message that is a number": changed(with_choices([{"index": 0, "message": 7, "finish_reason": "stop"}])),
}


def ask(running: Running, **options: Any) -> httpx.Response:
    """The same question every time."""
    message = {"role": "user", "content": "what is the capital of a poisoned land"}
    payload = {"model": "auto", "messages": [message], **options.pop("json", {})}
    return httpx.post(f"{running.url}/v1/chat/completions", json=payload, timeout=30, verify=False, **options)


def keys_of(admin: redis.Redis, kind: str) -> list[bytes]:
    """The keys of all entries, or of all vector sets."""
    found: Any = admin.keys(f"*:cache:{kind}:*")
    return sorted(found)


def entries(admin: redis.Redis) -> list[str]:
    """The keys of all entries."""
    return [str(key, "ascii") for key in keys_of(admin, "entry")]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", POISONS)
def test_a_poisoned_entry_is_a_miss_and_goes(
    running: Running, admin: redis.Redis, name: str, by: str, stream: bool
) -> None:
    """Whatever lies there, by either way to it: the model answers, the bytes are gone, and a good entry comes back."""
    ask(running)
    assert eventually(lambda: ask(running).headers["x-leanserve-cache"] == by)
    (key,) = entries(admin)
    good: Any = admin.get(key)
    POISONS[name](admin, key, good)
    answer = ask(running, json={"stream": stream}, headers={"x-leanserve-cache": "no-store"})
    assert answer.status_code == 200
    assert answer.headers["x-leanserve-cache"] == "miss"
    assert "error" not in answer.text
    assert eventually(lambda: entries(admin) == [])
    ask(running)
    assert eventually(lambda: ask(running).headers["x-leanserve-cache"] == by)


@pytest.mark.parametrize("kind", ["text", "list", "other dimensions"])
@pytest.mark.parametrize("by", ["semantic"], indirect=True)
def test_a_poisoned_vector_set_is_a_miss_and_heals(running: Running, admin: redis.Redis, by: str, kind: str) -> None:
    """What is no vector set of ours is no neighbourhood: a miss, and after the next answer hits come again."""
    ask(running)
    assert eventually(lambda: ask(running).headers["x-leanserve-cache"] == "semantic")
    (key,) = keys_of(admin, "vectors")
    admin.delete(key)
    if kind == "other dimensions":
        admin.vset().vadd(key, [1.0, 0.0, 0.0], "x")
    else:
        admin.set(key, "x") if kind == "text" else admin.rpush(key, "x")
    answer = ask(running)
    assert answer.status_code == 200
    assert answer.headers["x-leanserve-cache"] == "miss"
    assert eventually(lambda: ask(running).headers["x-leanserve-cache"] == "semantic")
