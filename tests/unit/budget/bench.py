"""Ledgers, leases and stops on one Redis that reads the time from a key, and short ways to say what is limited."""

from collections.abc import Callable, Sequence

from app.budget.leases import RedisLeases
from app.budget.ledger import RedisBudgetLedger
from app.budget.lua import LedgerScripts
from app.budget.stops import RedisStops
from app.domain import Amounts, Caller, Limit, Marked, MicroUsd, Period, Reservation, Scope, Unit, Window
from app.store.client import Store

NOON = 4_085_035_200
"""2099-06-13 12:00:00 UTC: in the future, for Redis expires keys by its own clock."""
DEADLINE_S = 60
ACME = Caller("acme")
TOTAL = Window(Period.TOTAL)
NOTHING = Amounts()

_CLOCK = "{test}:now"
SCRIPTS = LedgerScripts.load(f"local function now_us() return tonumber(redis.call('GET', '{_CLOCK}')) end")


def limit(
    amount: int, unit: Unit = Unit.TOKENS, window: Window = TOTAL, tenant: str = "acme", marks: tuple[int, ...] = ()
) -> Limit:
    """On the whole tenant."""
    return Limit(Scope(tenant), unit, amount, window, marks=marks)


def tokens(count: int, cost: int = 0) -> Amounts:
    """Of input: `tokens` and `input_tokens` count them."""
    return Amounts(input_tokens=count, micro_usd=MicroUsd(cost))


class Bench:
    """`told` are the marks that were passed, `now` is what the clock of Redis says."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now: float = NOON
        self.told: list[Marked] = []
        self.ledger = self.ledger_of("")
        self.leases = RedisLeases(store, scripts=SCRIPTS, late_every_s=0)
        self.stops = RedisStops(store, scripts=SCRIPTS)

    def ledger_of(self, holder: str, wall: Callable[[], float] | None = None) -> RedisBudgetLedger:
        """A replica's own ledger; its clock is that of Redis, unless `wall` lies."""
        return RedisBudgetLedger(
            self.store,
            holder=holder,
            tell=self.told.extend,
            deadline_s=DEADLINE_S,
            scripts=SCRIPTS,
            clock=lambda: self.now,
            wall=wall or (lambda: self.now),
        )

    async def at(self, seconds: float) -> None:
        """Set the clock of Redis."""
        self.now = seconds
        await self.store.command("SET", _CLOCK, int(seconds * 1_000_000))

    async def grant(self, id_: str, limits: Sequence[Limit], amounts: Amounts) -> Reservation:
        """A reservation that must be granted."""
        granted = await self.ledger.reserve(id_, Caller(limits[0].scope.tenant), limits, amounts)
        assert isinstance(granted, Reservation), granted
        return granted

    async def extend(self, reservation: Reservation, limits: Sequence[Limit], amounts: Amounts) -> Reservation:
        """An extension that must be granted."""
        granted = await self.ledger.extend(reservation, Caller(reservation.tenant), limits, amounts)
        assert isinstance(granted, Reservation), granted
        return granted

    async def booked(self, *limits: Limit) -> list[tuple[int, int]]:
        """Spent and held."""
        return [(each.spent, each.held) for each in await self.ledger.booked(limits[0].scope.tenant, limits)]
