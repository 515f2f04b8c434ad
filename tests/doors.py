"""The doors of a gateway without Ray: its keys, its desks, and a client that has none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from app.access.configured import LOCAL_TEXT, Entrance
from app.access.desk import KeyDesk
from app.access.ring import KeyRing
from app.access.stored import StoredKeys
from app.api.app import Desks
from app.budget.desk import BudgetDesk
from app.budget.stored import StoredBudgets
from app.cache.desk import CacheDesk
from app.gateway import Gateway
from app.ledger.desk import LedgerDesk
from app.ports import Stops

App = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass
class Doors:
    """What `create_app` wants, and what a test may look at."""

    ring: KeyRing
    desks: Desks
    stops: Stops


def open_doors(
    gateway: Gateway,
    entrance: Entrance,
    clock: Callable[[], float],
    keys: StoredKeys,
    rules: StoredBudgets,
    cache: CacheDesk,
    ledger: LedgerDesk,
) -> Doors:
    """The stored `keys` and `rules`, and the gateway's own books."""
    treasury = gateway.stages.treasury
    ring = KeyRing(entrance, keys, clock=clock)
    ring.configure(gateway.policy.keys)
    desks = Desks(
        cache,
        KeyDesk(keys, treasury.stops, configured=lambda: ring.configured, clock=clock),
        BudgetDesk(rules, treasury.books, treasury.stops, lambda: gateway.policy.budgets),
        ledger,
    )
    return Doors(ring, desks, treasury.stops)


def keyless(app: App) -> App:
    """`app` for clients that show no key: they are given the local one, so that most tests need not speak of keys."""

    async def with_a_key(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and all(name != b"authorization" for name, _ in scope["headers"]):
            key = (b"authorization", f"Bearer {LOCAL_TEXT}".encode())
            scope = {**scope, "headers": [*scope["headers"], key]}
        await app(scope, receive, send)

    return with_a_key
