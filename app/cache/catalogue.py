"""The catalogue of a tenant's cache: everything that belongs to an entry, written and taken away in one step.

The scripts beside this file hold the layout (`scripts/catalogue.lua`). All members are the 12 bytes of an id. Each
store sweeps a few entries that have ended and, where the tenant has as many as it may, evicts the least useful: LFU
with dynamic aging (Arlitt et al., "Evaluating content management techniques for Web proxy caches", 2000), where a use
counts what it saves, as in GreedyDual-Size-Frequency (Cherkasova, HPL-98-69R1, 1998) with every entry of size one. A
newcomer starts at the usefulness of what was evicted last plus one use of its own, each hit adds one: so what was
useful long ago is overtaken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.cache.entries import CacheEntry, short_id
from app.domain import MicroUsd
from app.store.client import Store
from app.store.keys import escape
from app.store.scripts import Arg, Script, lua, scripts_of


@dataclass(frozen=True, slots=True)
class CacheScripts:
    """The Lua of the catalogue, ready to run."""

    keep: Script
    drop: Script
    remove: Script
    scan: Script
    report: Script

    @classmethod
    def load(cls) -> "CacheScripts":
        """Read the files beside this one."""
        names = ("keep", "drop", "remove", "scan", "report")
        return cls(*scripts_of(__package__, names, lua(__package__, "catalogue")))


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The vector set of an entry, by the name of its context, and the entry's place in it."""

    name: str
    embedding: bytes


@dataclass(frozen=True, slots=True)
class Card:
    """What an entry is found by. `place` is None for one that is never compared by meaning."""

    feature: str
    tags: Sequence[str] = ()
    place: Neighbourhood | None = None

    def labels(self) -> list[str]:
        """The feature's label, then those of the tags."""
        return [feature_label(self.feature), *dict.fromkeys(map(tag_label, self.tags))]


class Catalogue:
    """Writes to the shelves of all tenants. Every method raises StoreUnavailable."""

    def __init__(self, store: Store, scripts: CacheScripts | None = None) -> None:
        self._store = store
        self._scripts = scripts or CacheScripts.load()

    async def keep(self, tenant: str, entry: CacheEntry, value: bytes, card: Card, max_entries: int) -> None:
        """Put an encoded entry on the shelf, in its vector set too where it has one; an older one of its id goes."""
        now, place = entry.created_at, card.place
        args: list[Arg] = [bytes.fromhex(entry.id), value, entry.ttl_s, repr(now)]
        args += [weight(entry.cost), max_entries, day(now)]
        args += [bytes.fromhex(short_id(place.name)), place.embedding] if place else [b"", b""]
        await self._run(self._scripts.keep, tenant, [*args, *card.labels()])

    async def drop(self, tenant: str, neighbourhood: str, met: Sequence[tuple[str, str]]) -> None:
        """Take away ids at which a reader met nothing (an empty string), or bytes with the given SHA-1 in hex."""
        args: list[Arg] = [bytes.fromhex(short_id(neighbourhood)) if neighbourhood else b""]
        for entry_id, digest in met:
            args += [bytes.fromhex(entry_id), digest]
        await self._run(self._scripts.drop, tenant, args)

    async def remove(self, tenant: str, ids: Sequence[bytes], now: float, *, whole: bool = False) -> int:
        """Take entries away, in steps of a few milliseconds of Redis; how many were there.

        `whole`: all of the tenant's go, so that vector sets that are not large may go as one.
        """
        removed, left = 0, list(ids)
        while left:
            done, gone = await self._run(self._scripts.remove, tenant, [day(now), int(whole), *left])
            removed, left = removed + gone, left[done:]
        return removed

    async def scan(
        self, tenant: str, index: tuple[str, Arg], cursor: Arg, now: float, before: float | None, all_of: Sequence[str]
    ) -> tuple[bytes, list[bytes]]:
        """One part of the entries that fit: the next cursor, `b"0"` at the end, and their ids.

        `index` is where to look: `("id", id)`, `("label", a tag's label)` or `("all", "")`. `before` bounds their
        birth; `all_of` are the labels that each must have.
        """
        args: list[Arg] = [*index, cursor, repr(now), "" if before is None else repr(before), *all_of]
        following, *ids = await self._run(self._scripts.scan, tenant, args)
        return bytes(following), ids

    async def report(self, tenant: str, args: Sequence[Arg]) -> bool:
        """Note a report of a hit (`scripts/report.lua` says what `args` are); whether it is news."""
        return bool(await self._run(self._scripts.report, tenant, args))

    async def _run(self, script: Script, tenant: str, args: Sequence[Arg]) -> Any:
        return await self._store.script(script, [self._store.keys.cache(tenant)], args)


def weight(cost: MicroUsd) -> int:
    """What one hit saves, in micro-USD; something, even where nothing has a price."""
    return max(1, cost)


def feature_label(feature: str) -> str:
    """The label of what a feature stored. It stands on the cards only: a set of ids would be 70 bytes an entry."""
    return "f:" + escape(feature)


def tag_label(tag: str) -> str:
    """The label of all entries with a tag."""
    return "t:" + escape(tag)


def day(now: float) -> str:
    """The UTC day of a moment: `2026-11-22`."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()
