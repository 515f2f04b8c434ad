"""Stopped scopes: who may spend nothing, whatever the limits say, until somebody lets it go on.

The ledger looks at a tenant's stops with each grant. The same stops are listed once more for all tenants, with a
revision, for those who watch: a state that is polled cannot be missed as a message can.
"""

from typing import cast
from urllib.parse import unquote

from app.budget.lua import LedgerScripts
from app.domain import Scope, ScopeKind, ScopeStopped
from app.store.client import Store
from app.store.scripts import Script

_KEEP = Script("redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])")
_LIFT = Script("redis.call('HDEL', KEYS[1], ARGV[1])")


class RedisStops:
    """Stops in one Redis. Everything raises StoreUnavailable; what failed may be called again."""

    def __init__(self, store: Store, *, scripts: LedgerScripts | None = None) -> None:
        self._store = store
        self._revise = (scripts or LedgerScripts.load()).revise

    async def stop(self, scope: Scope, reason: str = "") -> None:
        """Refuse whatever binds in `scope` (`scopes_of` a caller) from now on. A second time the reason is replaced."""
        await self._change(scope, _KEEP, reason.encode(errors="replace"))

    async def resume(self, scope: Scope) -> None:
        """Let it go on; harmless where it was not stopped."""
        await self._change(scope, _LIFT)

    async def stops(self, tenant: str | None = None) -> list[ScopeStopped]:
        """The stopped scopes of `tenant`, or of all."""
        key = self._store.keys.every_stop() if tenant is None else self._store.keys.stops(tenant)
        found = await self._store.command("HGETALL", key)
        return [ScopeStopped(scope_of(scope.decode()), reason.decode()) for scope, reason in sorted(found.items())]

    async def _change(self, scope: Scope, change: Script, *reason: bytes) -> None:
        """First what grants are refused by, then what tells that something changed: it is told too often, if wrong."""
        keys = self._store.keys
        await self._store.durable_script(change, [keys.stops(scope.tenant)], [str(scope), *reason])
        every = [keys.every_stop(), keys.revision("stops")]
        await self._store.durable_script(self._revise, every, [str(scope), *reason])


def scope_of(text: str) -> Scope:
    """Back from `str(scope)`, for what that wrote."""
    pairs = [part.partition("=") for part in text.split(",")]
    names = [(kind, unquote(name, errors="surrogatepass")) for kind, _, name in pairs]
    return Scope(names[0][1], cast("tuple[tuple[ScopeKind, str], ...]", tuple(names[1:])))
