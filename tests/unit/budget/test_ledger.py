import random

import pytest

from app.budget.ledger import LedgerScripts, RedisBudgetLedger
from app.config.gateway import StoreSpec
from app.domain import BudgetExceeded, Limit, MicroUsd, Reservation, Scope, Unit, Window
from app.errors import LeanServeError, StoreUnavailable
from app.store.client import Store, open_store
from app.store.embedded import free_port

NOON = 4_085_035_200  # 2099-06-13 12:00:00 UTC: in the future, for Redis expires keys by its own clock
FREE = MicroUsd(0)


def limit(amount: int, *, unit: Unit = Unit.TOKENS, window: Window = Window.TOTAL, tenant: str = "acme") -> Limit:
    return Limit(Scope(tenant, "tenant", tenant), unit, amount, window)


class Ledger(RedisBudgetLedger):
    """A ledger whose Redis reads the time from a key."""

    def __init__(self, store: Store, deadline_s: int = 60) -> None:
        time_lua = "local function now_us() return tonumber(redis.call('GET', '{test}:now')) end"
        super().__init__(store, deadline_s=deadline_s, scripts=LedgerScripts.load(time_lua))
        self.store = store

    async def at(self, seconds: float) -> None:
        await self.store.command("SET", "{test}:now", int(seconds * 1_000_000))

    async def booked(self, *limits: Limit) -> list[tuple[int, int]]:
        return [(found.spent, found.held) for found in await self.spent(limits[0].scope.tenant, limits)]


@pytest.fixture
async def ledger(store: Store) -> Ledger:
    made = Ledger(store)
    await made.at(NOON)
    return made


async def grant(ledger: RedisBudgetLedger, id_: str, limits: list[Limit], tokens: int, cost: int = 0) -> Reservation:
    granted = await ledger.reserve(id_, limits[0].scope.tenant, limits, tokens, MicroUsd(cost))
    assert isinstance(granted, Reservation), granted
    return granted


async def test_held_then_spent(ledger: Ledger) -> None:
    """A grant holds in every counter by its unit; a settlement replaces that by what was spent."""
    limits = [limit(100, window=Window.DAY), limit(50, unit=Unit.MICRO_USD, window=Window.MONTH)]
    reservation = await grant(ledger, "r", limits, 80, 30)
    assert [hold.amount for hold in reservation.holds] == [80, 30]
    assert await ledger.booked(*limits) == [(0, 80), (0, 30)]
    await ledger.settle(reservation, 20, MicroUsd(7))
    assert await ledger.booked(*limits) == [(20, 0), (7, 0)]


async def test_all_or_none(ledger: Ledger) -> None:
    """A request that does not fit in its last limit touches none of the others."""
    limits = [limit(100), limit(100, window=Window.HOUR), limit(10, unit=Unit.MICRO_USD)]
    refused = await ledger.reserve("r", "acme", limits, 50, MicroUsd(11))
    assert refused == BudgetExceeded(limits[2], 10, 11, None)
    assert await ledger.booked(*limits) == [(0, 0)] * 3
    assert await ledger.store.command("KEYS", "*reservation*") == []


async def test_a_refusal_says_what_is_left_and_until_when(ledger: Ledger) -> None:
    """Remaining counts held and spent; the reset is the end of the calendar window by the clock of Redis."""
    daily = limit(100, window=Window.DAY)
    await grant(ledger, "a", [daily], 60)
    await ledger.at(NOON + 0.5)
    assert await ledger.reserve("b", "acme", [daily], 41, FREE) == BudgetExceeded(daily, 40, 41, 12 * 3600 - 0.5)
    assert isinstance(await ledger.reserve("c", "acme", [daily], 40, FREE), Reservation)


async def test_a_lowered_limit_leaves_nothing(ledger: Ledger) -> None:
    """What is left is never negative, and a request that costs nothing does not slip below an overdrawn limit."""
    await grant(ledger, "a", [limit(100)], 60)
    assert await ledger.reserve("b", "acme", [limit(50)], 1, FREE) == BudgetExceeded(limit(50), 0, 1, None)
    assert isinstance(await ledger.reserve("c", "acme", [limit(50)], 0, FREE), BudgetExceeded)


async def test_the_same_id_is_the_same_grant(ledger: Ledger) -> None:
    """A repeated reserve holds once and gives what was granted first; after the settlement it is refused."""
    first = await grant(ledger, "r", [limit(100)], 60)
    assert await grant(ledger, "r", [limit(100)], 99) == first
    assert await ledger.booked(limit(100)) == [(0, 60)]
    await ledger.settle(first, 1, FREE)
    with pytest.raises(LeanServeError, match="settled"):
        await ledger.reserve("r", "acme", [limit(100)], 60, FREE)


async def test_settle_is_idempotent(ledger: Ledger) -> None:
    """The first settlement counts, whatever the second says; zero releases."""
    reservation = await grant(ledger, "r", [limit(100)], 60)
    for tokens in (10, 50, 0):
        await ledger.settle(reservation, tokens, FREE)
    assert await ledger.booked(limit(100)) == [(10, 0)]
    await ledger.settle(await grant(ledger, "s", [limit(100)], 60), 0, FREE)
    assert await ledger.booked(limit(100)) == [(10, 0)]


async def test_a_settlement_books_into_the_window_of_its_grant(ledger: Ledger) -> None:
    """A request that runs over midnight is spent where it was held; the new day begins empty."""
    daily = limit(100, window=Window.DAY)
    await ledger.at(NOON + 12 * 3600 - 1)
    reservation = await grant(ledger, "r", [daily], 60)
    await ledger.at(NOON + 12 * 3600 + 1)
    await ledger.settle(reservation, 55, FREE)
    assert await ledger.booked(daily) == [(0, 0)]
    await ledger.at(NOON)
    assert await ledger.booked(daily) == [(55, 0)]


async def test_reclaim_keeps_what_was_held_as_spent(ledger: Ledger) -> None:
    """Past the deadline only, of every tenant, once. The settlement that comes after all books the truth, once."""
    other = limit(100, tenant="o{t}h:er\n*")
    mine = await grant(ledger, "r", [limit(100)], 60)
    await grant(ledger, "é{}", [other], 5)
    assert await ledger.reclaim() == []
    await ledger.at(NOON + 60)
    reclaimed = sorted(await ledger.reclaim(), key=lambda found: found.id)
    assert [(found.id, found.tenant, found.tokens) for found in reclaimed] == [
        ("r", "acme", 60),
        ("é{}", other.scope.tenant, 5),
    ]
    assert await ledger.booked(limit(100)) == [(60, 0)]
    assert await ledger.booked(other) == [(5, 0)]
    assert await ledger.reclaim() == []
    for tokens in (20, 30):
        await ledger.settle(mine, tokens, FREE)
    assert await ledger.booked(limit(100)) == [(20, 0)]


async def test_a_settled_reservation_is_not_reclaimed(ledger: Ledger) -> None:
    """Settled before its deadline, it is nobody's business after it."""
    await ledger.settle(await grant(ledger, "r", [limit(100)], 60), 10, FREE)
    await ledger.at(NOON + 61)
    assert await ledger.reclaim() == []
    assert await ledger.booked(limit(100)) == [(10, 0)]


async def test_a_withdrawal_bars_the_grant_that_comes_late(ledger: Ledger) -> None:
    """Taken back before or after Redis saw the reservation: nothing stays held."""
    await ledger.withdraw("early", "acme")
    with pytest.raises(LeanServeError):
        await ledger.reserve("early", "acme", [limit(100)], 60, FREE)
    await grant(ledger, "late", [limit(100)], 60)
    await ledger.withdraw("late", "acme")
    assert await ledger.booked(limit(100)) == [(0, 0)]


async def test_a_forgetful_redis_still_learns_what_was_spent(ledger: Ledger) -> None:
    """Where the record is lost, the settlement books by the reservation itself, once."""
    reservation = await grant(ledger, "r", [limit(100)], 60)
    await ledger.store.command("FLUSHALL")
    await ledger.at(NOON)
    for _ in range(2):
        await ledger.settle(reservation, 33, FREE)
    assert await ledger.booked(limit(100)) == [(33, 0)]


async def test_counters_outlive_their_window_and_then_go(ledger: Ledger) -> None:
    """A day after the window's end; `total` never. Records go a day after they were closed, not before."""
    limits = [limit(100, window=Window.MINUTE), limit(100)]
    reservation = await grant(ledger, "r", limits, 60)
    minute, total = (hold.key for hold in reservation.holds)
    assert await ledger.store.command("EXPIRETIME", minute) == NOON + 60 + 86_400
    assert await ledger.store.command("TTL", total) == -1
    record = ledger.store.keys.reservation("acme", "r")
    assert await ledger.store.command("TTL", record) == -1
    await ledger.settle(reservation, 1, FREE)
    assert 86_000 < await ledger.store.command("TTL", record) <= 86_400


async def test_no_limits_need_no_store() -> None:
    """Without a budget Redis is not asked: a request runs though it is away."""
    store = await open_store(f"redis://127.0.0.1:{free_port()}/0", StoreSpec(timeout_s=0.1))
    ledger = RedisBudgetLedger(store)
    reservation = await ledger.reserve("r", "acme", [], 60, MicroUsd(5))
    assert reservation == Reservation("r", "acme", 60, MicroUsd(5))
    await ledger.settle(reservation, 50, MicroUsd(4))
    with pytest.raises(StoreUnavailable):
        await ledger.reserve("r", "acme", [limit(100)], 60, FREE)
    await store.close()


@pytest.mark.parametrize("amount", [-1, 2**53])
async def test_amounts_that_lua_cannot_count_are_refused(ledger: Ledger, amount: int) -> None:
    """A negative reservation would give budget away; one beyond 2^53 would be rounded."""
    with pytest.raises(LeanServeError, match="amount"):
        await ledger.reserve("r", "acme", [limit(100)], amount, FREE)
    with pytest.raises(LeanServeError, match="amount"):
        await ledger.settle(await grant(ledger, "s", [limit(100)], 1), amount, FREE)


async def test_large_amounts_stay_exact(ledger: Ledger) -> None:
    """Beyond the 14 digits that Lua prints of a number by itself."""
    large = limit(2**53 - 1, unit=Unit.MICRO_USD)
    reservation = await grant(ledger, "r", [large], 0, 2**53 - 2)
    assert await ledger.reserve("s", "acme", [large], 0, MicroUsd(2)) == BudgetExceeded(large, 1, 2, None)
    await ledger.settle(reservation, 0, MicroUsd(2**53 - 3))
    assert await ledger.booked(large) == [(2**53 - 3, 0)]


async def test_a_scope_of_another_tenant_is_refused(ledger: Ledger) -> None:
    """One tenant's request never touches another's counters, nor another slot."""
    with pytest.raises(LeanServeError, match="tenant"):
        await ledger.reserve("r", "mallory", [limit(100)], 1, FREE)


async def test_lying_tenants_share_nothing(ledger: Ledger) -> None:
    """Braces, colons and globs in a name make another tenant, never another's counter."""
    names = ["acme", "acme}", "{acme}", "acme:budget", "acme*", "acme\n", ""]
    for name in names:
        await grant(ledger, "r", [limit(100, tenant=name)], 60)
    for name in names:
        assert await ledger.booked(limit(100, tenant=name)) == [(0, 60)]


async def test_random_histories_agree_with_a_plain_model(ledger: Ledger) -> None:
    """Reserve, settle, reclaim and repeat in any order: counters are what a dictionary would say."""
    dice = random.Random(7)
    capped = limit(500)
    open_: dict[str, Reservation] = {}
    closed: dict[str, int] = {}
    now = NOON
    for step in range(300):
        spent = sum(closed.values())
        held = sum(reservation.tokens for reservation in open_.values())
        assert await ledger.booked(capped) == [(spent, held)]
        action = dice.choice(["reserve", "reserve", "settle", "settle", "reclaim"])
        if action == "reserve":
            asked = dice.randrange(60)
            answer = await ledger.reserve(f"r{step}", "acme", [capped], asked, FREE)
            assert isinstance(answer, Reservation) == (spent + held + asked <= 500)
            if isinstance(answer, Reservation):
                open_[answer.id] = answer
        elif action == "settle" and open_:
            id_ = dice.choice(sorted(open_))
            closed[id_] = dice.randrange(open_[id_].tokens // 3 + 1)
            await ledger.settle(open_.pop(id_), closed[id_], FREE)
        elif dice.random() < 0.1:
            now += 61
            await ledger.at(now)
            for found in await ledger.reclaim():
                closed[found.id] = open_.pop(found.id).tokens
            assert not open_
