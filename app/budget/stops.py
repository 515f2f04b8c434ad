"""Stopped scopes: who may spend nothing, whatever the limits say, until somebody lets it go on.

The ledger looks at a tenant's stops with each grant. The same stops are listed once more for all tenants, with a
revision, for those who watch: a state that is polled cannot be missed as a message can.
"""

from typing import cast
from urllib.parse import unquote

from app.budget.lua import LedgerScripts
from app.domain import Scope, ScopeKind, ScopeStopped
from app.store.client import Store
from app.store.scripts import Arg, Script

BY_OPERATOR = "operator: "
"""What the reason of an operator's stop begins with: no tenant's admin lifts it."""

_SPARED = """
-- KEYS: the tenant's stops. ARGV: scope; its new reason; what a reason begins with that stays, where one does.
-- Gives the reason that stands now, if any.
local before = redis.call('HGET', KEYS[1], ARGV[1])
if before and ARGV[3] and string.sub(before, 1, #ARGV[3]) == ARGV[3] then return before end
"""
_KEEP = Script(_SPARED + "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) return ARGV[2]")
_LIFT = Script(_SPARED + "redis.call('HDEL', KEYS[1], ARGV[1]) return false")


class RedisStops:
    """Stops in one Redis. Everything raises StoreUnavailable; what failed may be called again."""

    def __init__(self, store: Store, *, scripts: LedgerScripts | None = None) -> None:
        self._store = store
        self._revise = (scripts or LedgerScripts.load()).revise

    async def stop(self, scope: Scope, reason: str = "", *, sparing: str | None = None) -> str:
        """Refuse whatever binds in `scope` (`scopes_of` a caller) from now on; the reason that stands.

        A second time the reason is replaced, unless it begins with `sparing`.
        """
        return await self._change(scope, _KEEP, reason, sparing) or ""

    async def resume(self, scope: Scope, *, sparing: str | None = None) -> bool:
        """Let it go on, unless the reason begins with `sparing`: whether it goes on, as where it was not stopped."""
        return await self._change(scope, _LIFT, "", sparing) is None

    async def stops(self, tenant: str | None = None) -> list[ScopeStopped]:
        """The stopped scopes of `tenant`, or of all."""
        key = self._store.keys.every_stop() if tenant is None else self._store.keys.stops(tenant)
        found = await self._store.command("HGETALL", key)
        return [ScopeStopped(scope_of(scope.decode()), reason.decode()) for scope, reason in sorted(found.items())]

    async def _change(self, scope: Scope, change: Script, reason: str, sparing: str | None) -> str | None:
        """First what grants are refused by, then what tells that something changed: it is told too often, if wrong."""
        words: list[Arg] = [str(scope), reason.encode(errors="replace")]
        if sparing is not None:
            words.append(sparing)
        stands = await self._store.durable_script(change, [self._store.keys.stops(scope.tenant)], words)
        await self._tell(scope)
        return None if stands is None else stands.decode()

    async def _tell(self, scope: Scope) -> None:
        """The list of all tenants is in another slot: of two who change a stop at once the last to look writes it."""
        keys = self._store.keys
        told = object()
        while (reason := await self._store.command("HGET", keys.stops(scope.tenant), str(scope))) != told:
            words = [str(scope)] if reason is None else [str(scope), reason]
            await self._store.durable_script(self._revise, [keys.every_stop(), keys.revision("stops")], words)
            told = reason


def scope_of(text: str) -> Scope:
    """Back from `str(scope)`, for what that wrote."""
    pairs = [part.partition("=") for part in text.split(",")]
    names = [(kind, unquote(name, errors="surrogatepass")) for kind, _, name in pairs]
    return Scope(names[0][1], cast("tuple[tuple[ScopeKind, str], ...]", tuple(names[1:])))
