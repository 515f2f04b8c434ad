"""What an admin does with issued keys."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.access.key import ANY_TENANT, NO_LIMITS, Key, Rights, digest, new_id, new_text
from app.access.stored import StoredKeys
from app.budget.stops import BY_OPERATOR
from app.domain import Scope
from app.errors import InvalidRequest, NotFound
from app.ports import Stops

MOST_KEYS = 10_000
"""Of one tenant: every replica keeps them all, 0.5 KB each."""
DAY_S = 86_400.0
DISABLED, DELETED, REPLACED = "key disabled", "key deleted", "key replaced"


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What may be changed of a key."""

    name: str
    rights: Rights = NO_LIMITS
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key, and its text: this is the only time that it is known."""

    key: Key
    text: str


class KeyDesk:
    """Issues and changes keys. `within` is the tenant whose keys may be touched, `ANY_TENANT` for the operator.

    A key of another tenant does not exist: `NotFound`. Everything raises `StoreUnavailable` where Redis is away, and
    may be done again then. A key that is disabled, deleted or replaced at once opens nothing any more, and its live
    streams end: the scope `key=<id>` is stopped.
    """

    def __init__(
        self,
        stored: StoredKeys,
        stops: Stops,
        *,
        configured: Callable[[], Sequence[Key]] = tuple,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stored = stored
        self._stops = stops
        self._configured = configured
        self._clock = clock

    async def issue(self, tenant: str, terms: KeyTerms) -> Issued:
        """A new key of `tenant`."""
        if tenant == ANY_TENANT:
            raise InvalidRequest("a key is of one tenant", "tenant")
        if terms.expires is not None and terms.expires <= self._clock():
            raise InvalidRequest("this key would have expired already", "expires_at")
        if sum(key.tenant == tenant for key in await self._stored.all()) >= MOST_KEYS:
            raise InvalidRequest(f"tenant {tenant} has {MOST_KEYS} keys already: delete some")
        return await self._issue(tenant, terms)

    async def all(self, within: str) -> list[Key]:
        """All keys, the configured ones first, then the issued, the oldest first."""
        found = [*self._configured(), *await self._stored.all()]
        return [key for key in found if within in {ANY_TENANT, key.tenant}]

    async def show(self, key_id: str, within: str) -> Key:
        """One of them."""
        for key in await self.all(within):
            if key.id == key_id:
                return key
        raise NotFound(f"there is no key {key_id[:40]!r}")

    async def update(self, key_id: str, within: str, terms: KeyTerms) -> Key:
        """Replace name, rights and expiry."""
        await self._issued(key_id, within)
        return await self._stored.change(
            key_id, lambda key: replace(key, name=terms.name, rights=terms.rights, expires=terms.expires)
        )

    async def rotate(self, key_id: str, within: str, grace_s: float = DAY_S) -> Issued:
        """A new key with the same rights, under the same limits; the old one works for `grace_s` more seconds."""
        old = await self._issued(key_id, within)
        _may_rotate(old)
        new = await self._issue(old.tenant, KeyTerms(old.name, old.rights, old.expires), (*old.former, old.id))
        retires = self._clock() + grace_s

        def retire(key: Key) -> Key:
            _may_rotate(key)
            return replace(key, replaced_by=new.key.id, retires=retires)

        try:
            await self._stored.change(key_id, retire)
        except InvalidRequest:  # somebody else rotated it, or took it away, meanwhile
            await self._stored.delete(new.key.id)
            raise
        if grace_s <= 0:
            await self._end(old, REPLACED)
        return new

    async def disable(self, key_id: str, within: str) -> Key:
        """At once, and until it is enabled. A second time changes nothing."""
        await self._issued(key_id, within)
        key = await self._stored.change(key_id, lambda key: replace(key, disabled=True))
        await self._end(key, DISABLED)
        return key

    async def enable(self, key_id: str, within: str) -> Key:
        """Undo `disable`; a stop of its scope that was asked for otherwise stays."""
        key = await self._issued(key_id, within)
        if await self._reason(key) == DISABLED:
            await self._stops.resume(_scope(key), sparing=BY_OPERATOR)
        return await self._stored.change(key_id, lambda key: replace(key, disabled=False))

    async def delete(self, key_id: str, within: str) -> None:
        """Take it away for good. Its scope stays stopped: its id is never used again."""
        key = await self._issued(key_id, within)
        await self._stored.change(key_id, lambda key: replace(key, disabled=True))
        await self._end(key, DELETED)
        await self._stored.delete(key_id)

    async def _issue(self, tenant: str, terms: KeyTerms, former: tuple[str, ...] = ()) -> Issued:
        key_id = new_id()
        text = new_text(key_id)
        key = Key(key_id, tenant, terms.name, digest(text), terms.rights, self._clock(), terms.expires, former=former)
        await self._stored.add(key)
        return Issued(key, text)

    async def _issued(self, key_id: str, within: str) -> Key:
        key = await self.show(key_id, within)
        if key.source != "stored":
            raise InvalidRequest(f"this key is of the {key.source}: change it there")
        return key

    async def _end(self, key: Key, reason: str) -> None:
        """Stop what it began; a stop that is there already keeps its reason."""
        await self._stops.stop(_scope(key), reason, sparing="")

    async def _reason(self, key: Key) -> str | None:
        found = (each.reason for each in await self._stops.stops(key.tenant) if each.scope == _scope(key))
        return next(found, None)


def _scope(key: Key) -> Scope:
    return Scope(key.tenant, (("key", key.id),))


def _may_rotate(key: Key) -> None:
    if key.disabled:
        raise InvalidRequest("a disabled key is not rotated: issue another")
    if key.replaced_by:
        raise InvalidRequest(f"it was rotated already, to {key.replaced_by}")
