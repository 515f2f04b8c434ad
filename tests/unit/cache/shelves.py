"""The caches on a real Redis, by a clock that the test turns, and a look behind them."""

import math
from typing import Any

import numpy as np

from app.cache.catalogue import Catalogue
from app.cache.entries import CacheEntry, decode_entry, short_id
from app.cache.exact import ExactCache
from app.cache.invalidate import Invalidator
from app.cache.semantic import RedisSemanticCache
from app.cache.shelf import Shelf
from app.cache.stats import StatsReader
from app.config.policy import CachePolicy
from app.domain import Answer, CacheHit, CacheMiss, Caller, Chunk, MicroUsd, NormalizedPrompt, PromptKeys, Usage
from app.ports import Verifier
from app.store.client import Store
from tests.fakes import FakeVerifier

ACME = Caller("acme")
PLAIN = CachePolicy(threshold=0.9)
"""A cosine decides."""
DIMENSIONS = 384
START = 1_790_000_000.0


def body(text: str) -> Chunk:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"object": "chat.completion", "model": "m", "choices": [choice]}


def vector(cosine: float) -> bytes:
    """A unit vector at this cosine to `vector(1)`."""
    found = np.zeros(DIMENSIONS, "<f4")
    found[0], found[1] = cosine, math.sqrt(1 - cosine**2)
    return found.tobytes()


def prompt(name: str, cosine: float = 1.0, context: str = "context") -> NormalizedPrompt:
    return NormalizedPrompt(name, PromptKeys(name, context, context), 3, vector(cosine))


class Caches:
    """Both caches of one replica."""

    def __init__(self, store: Store, verifier: Verifier | None = None) -> None:
        self.store = store
        self.now = START
        self.verifier = verifier or FakeVerifier()
        self.exact = ExactCache(store, clock=lambda: self.now)
        self.semantic = RedisSemanticCache(store, verifier=self.verifier, clock=lambda: self.now, verify_timeout_s=0.2)
        self.catalogue = Catalogue(store)
        self.invalidator = Invalidator(store, clock=lambda: self.now)
        self.stats = StatsReader(store, clock=lambda: self.now)

    async def keep(
        self, asked: NormalizedPrompt, caller: Caller = ACME, policy: CachePolicy = PLAIN, **of_answer: Any
    ) -> str:
        """Store an answer that says the prompt's name, or `says`; the entry's id."""
        cost, says = MicroUsd(of_answer.pop("cost", 0)), of_answer.pop("says", asked.text)
        answer = Answer(body(says), Usage(1, 0, 2), "small", cost, **of_answer)
        await self.semantic.store(caller, asked, answer, policy)
        return short_id(asked.keys.canonical_key)

    async def get(self, key: str, caller: Caller = ACME, policy: CachePolicy = PLAIN) -> CacheHit | None:
        return await self.exact.get(caller, key, policy)

    async def ask(
        self, asked: NormalizedPrompt, caller: Caller = ACME, policy: CachePolicy = PLAIN
    ) -> CacheHit | CacheMiss:
        return await self.semantic.lookup(caller, asked, policy)

    async def look(
        self, asked: NormalizedPrompt, caller: Caller = ACME, policy: CachePolicy = PLAIN
    ) -> CacheHit | None:
        """The hit, or None."""
        found = await self.ask(asked, caller, policy)
        return found if isinstance(found, CacheHit) else None

    def entry_key(self, name: str, tenant: str = "acme") -> str:
        return self.store.keys.entry(tenant, short_id(name))

    def vectors_key(self, context: str = "context", tenant: str = "acme") -> str:
        return self.store.keys.vectors(tenant, short_id(context))


async def names(store: Store, tenant: str = "acme") -> set[str]:
    """The prompts of the entries that are there."""
    entries = await entries_of(store, tenant)
    return {entry.prompt for entry in entries.values()}


async def entries_of(store: Store, tenant: str) -> dict[bytes, CacheEntry]:
    """Every entry that can be read, by id."""
    keys = await store.command("KEYS", store.keys.entry(tenant, "*").replace("%2A", "*"))
    found = {}
    for key in keys:
        name = key.decode().rpartition(":")[2]
        entry = decode_entry(await store.command("GET", key), name)
        assert entry is not None
        found[bytes.fromhex(name)] = entry
    return found


async def members(store: Store, key: bytes) -> set[bytes]:
    """The members of a vector set."""
    count = await store.command("VCARD", key)
    return set(await store.command("VRANDMEMBER", key, count)) if count else set()


async def assert_whole(store: Store, tenant: str = "acme", ended: int = 0) -> None:
    """Every entry is in each index that it belongs to, and the indexes hold nothing else.

    `ended` entries may be gone by themselves and wait for the sweep.
    """
    stem = store.keys.cache(tenant)
    entries = await entries_of(store, tenant)
    cards = set(await store.command("HKEYS", stem + "cards"))
    assert set(entries) <= cards
    assert len(cards) - len(entries) == ended
    for order in ("worth", "ends"):
        assert set(await store.command("ZRANGE", stem + order, 0, -1)) == cards
    await _assert_labels(store, stem, cards)
    held = [await members(store, key) for key in await store.command("KEYS", stem + "vectors:*")]
    assert set[bytes]().union(*held) <= cards
    assert sum(map(len, held)) == len(set[bytes]().union(*held))
    if not ended:
        sizes = [await store.command("STRLEN", store.keys.entry(tenant, raw.hex())) for raw in entries]
        assert int(await store.command("GET", stem + "bytes") or 0) == sum(sizes)


async def _assert_labels(store: Store, stem: str, cards: set[bytes]) -> None:
    """Each tag's set holds those whose cards name it, and the features are counted."""
    tagged: dict[str, set[bytes]] = {}
    features: dict[str, int] = {}
    for raw in cards:
        feature, *tags = await labels_of(store, stem, raw)
        features[feature] = features.get(feature, 0) + 1
        for tag in tags:
            tagged.setdefault(tag, set()).add(raw)
    found = {key.decode().removeprefix(stem + "label:"): key for key in await store.command("KEYS", stem + "label:*")}
    assert {label: set(await store.command("SMEMBERS", key)) for label, key in found.items()} == tagged
    told = await store.command("ZRANGE", stem + "features", 0, -1, "WITHSCORES")
    assert {name.decode(): int(number) for name, number in zip(told[::2], told[1::2], strict=True)} == features


READ_CARD = "return cmsgpack.unpack(redis.call('HGET', KEYS[1], ARGV[1]))[4]"


async def labels_of(store: Store, stem: str, raw: bytes) -> list[str]:
    return [label.decode() for label in await store.command("EVAL", READ_CARD, 1, stem + "cards", raw)]


async def held(store: Store, name: str) -> CacheEntry | None:
    """The shared entry of a prompt as a reader gets it."""
    from app.cache.shelf import Asker

    return await Shelf(store).read(Asker("acme", ""), short_id(name))
