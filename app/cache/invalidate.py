"""Invalidation: which entries shall go, and their going in steps of a few milliseconds of Redis."""

import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from app.cache.catalogue import Catalogue, feature_label, tag_label
from app.store.client import Store
from app.store.scripts import Arg

EXAMPLES = 10
"""Ids of an answer at most."""
_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class Selection:
    """Entries that fit all that is said; nothing said selects all of the tenant. `feature` may be the empty one."""

    entry_id: str | None = None
    feature: str | None = None
    tag: str | None = None
    older_than_s: float | None = None

    def everything(self) -> bool:
        """Whether nothing narrows it."""
        return self == Selection()

    def labels(self) -> list[str]:
        """The labels that an entry must have."""
        feature = [] if self.feature is None else [feature_label(self.feature)]
        return feature + ([] if self.tag is None else [tag_label(self.tag)])

    def index(self) -> tuple[str, Arg]:
        """Where to look: at one entry, at those with a tag, at all."""
        if self.entry_id is not None:
            return "id", bytes.fromhex(self.entry_id) if is_entry_id(self.entry_id) else b""
        return ("all", "") if self.tag is None else ("label", tag_label(self.tag))


@dataclass(frozen=True, slots=True)
class Invalidated:
    """How many entries went, or would go, and the ids of some."""

    count: int
    examples: tuple[str, ...]


class Invalidator:
    """Takes entries of one tenant away. `clock` is seconds since 1970. Raises StoreUnavailable; a retry goes on."""

    def __init__(
        self, store: Store, catalogue: Catalogue | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._catalogue = catalogue or Catalogue(store)
        self._clock = clock

    async def invalidate(self, tenant: str, selection: Selection, *, dry_run: bool = False) -> Invalidated:
        """Take all entries away that fit, those also that are stored while it runs, perhaps; or only count them."""
        count, examples, now = 0, list[str](), self._clock()
        async for ids in self._parts(tenant, selection, now):
            examples += [entry_id.hex() for entry_id in ids[: EXAMPLES - len(examples)]]
            if dry_run:
                count += len(ids)
            else:
                count += await self._catalogue.remove(tenant, ids, now, whole=selection.everything())
        return Invalidated(count, tuple(examples))

    async def _parts(self, tenant: str, selection: Selection, now: float) -> AsyncIterator[list[bytes]]:
        before = None if selection.older_than_s is None else now - selection.older_than_s
        cursor, first = b"0", True
        while first or cursor != b"0":
            index, labels = selection.index(), selection.labels()
            cursor, ids = await self._catalogue.scan(tenant, index, cursor, now, before, labels)
            first = False
            yield ids


def is_entry_id(text: str) -> bool:
    """Whether `text` can be the id of an entry."""
    return _ID.fullmatch(text) is not None
