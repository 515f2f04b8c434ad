"""Which tier a session is on: no flip-flop inside one conversation. Kept in Redis; done without where that is away."""

import logging
from collections.abc import Sequence
from importlib import resources

from app.domain import Caller
from app.errors import StoreUnavailable
from app.store.client import Store
from app.store.scripts import Script

logger = logging.getLogger("leanserve.route")


class SessionTiers:
    """One name a session, by tenant. A caller without a session has none."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ratchet = Script((resources.files(__package__) / "scripts" / "ratchet.lua").read_text())

    async def get(self, caller: Caller) -> str:
        """The session's tier so far; empty where there is none, or nobody can tell."""
        if not caller.session:
            return ""
        try:
            found = await self._store.command("GET", self._key(caller))
        except StoreUnavailable:
            return ""
        return found.decode("utf-8", "replace") if found else ""

    async def keep(self, caller: Caller, tier: str, order: Sequence[str], ttl_s: int) -> None:
        """The session is on `tier` from now on, unless it is on a better one of `order`; for `ttl_s` from now."""
        if not caller.session:
            return
        try:
            await self._store.script(self._ratchet, [self._key(caller)], [ttl_s, tier, *order])
        except StoreUnavailable:
            logger.warning("a session's tier was not kept: the store is away")

    def _key(self, caller: Caller) -> str:
        return self._store.keys.session_tier(caller.tenant, caller.session)
