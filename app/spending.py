"""Around the ledger: the limits of a caller, the account of a request, what hits cost, and what stops it all."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from app import routing
from app.agents import desk
from app.agents.limits import session_limits
from app.background import Background
from app.budget.account import Account
from app.budget.balances import Balances
from app.budget.fail_open import FailOpenLedger
from app.budget.hits import pay_hit
from app.budget.holding import Holder
from app.budget.live import Live
from app.budget.marks import Marks
from app.budget.remembered import RememberedLimits
from app.budget.retrying import BookingLedger
from app.budget.watch import Leases, Refresh, Watch, Watched
from app.config.budgets import BudgetRule
from app.config.policy import Policy
from app.domain import Amounts, BudgetExceeded, CacheHit, Caller, Limit, Remaining
from app.domain.request_id import hedge_id
from app.errors import SpendingStopped, StoreUnavailable
from app.journey import AttemptOutcome, Journey
from app.ports import Stops

BEHIND_S = 0.002
"""When nobody waits for the books they are closed once the response is on its way: closed at once they took 0.4 ms of
each request's path on a whole graph (`make bench-budget`, three runs of each in turns)."""
CLOSING_S = 4.0
"""For the books of a replica that ends: longer than an engine is waited for that was cut off (`MADE_PAUSES_S`)."""
UNSETTLED = "an account was not settled"


class Books(routing.Books, desk.Books, Protocol):
    """Who knows what is spent and what is left."""

    async def overspent(self, tenant: str, limits: Sequence[Limit]) -> Sequence[BudgetExceeded]:
        """See `RedisBudgetLedger.overspent`."""
        ...


def _none(_tenant: str) -> Sequence[BudgetRule]:
    return ()


async def _nothing() -> object:
    return None


async def _no_retries(_timeout_s: float) -> object:
    return None


@dataclass(frozen=True, slots=True)
class Stored:
    """What stands in Redis beside the policy: the rules of a tenant, and how keys and rules are read again."""

    rules: Callable[[str], Sequence[BudgetRule]] = _none
    keys: Refresh = _nothing
    budgets: Refresh = _nothing


@dataclass(frozen=True, slots=True)
class Treasury:
    """Where limits are kept and held. `holder` is this replica's name in it.

    `drain` lets the `ledger` end what it tries again behind its callers, for at most so many seconds.
    """

    ledger: BookingLedger
    books: Books
    leases: Leases
    stops: Stops
    marks: Marks
    holder: str
    stored: Stored = Stored()
    drain: Callable[[float], Awaitable[object]] = _no_retries


class Spending:
    """One replica's. `policy` gives the policy in force."""

    def __init__(self, treasury: Treasury, policy: Callable[[], Policy]) -> None:
        self.live = Live(treasury.books.overspent)
        watched = Watched(treasury.stops.stops, treasury.stored.keys, treasury.stored.budgets, policy)
        self.watch = Watch(treasury.leases, treasury.holder, self.live, watched)
        self.ledger = FailOpenLedger(treasury.ledger, lambda: policy().spending.fail_open.tokens)
        self._treasury, self._policy = treasury, policy
        self._limits, self._balances, self._background = RememberedLimits(), Balances(), Background()

    def reconfigure(self, policy: Policy) -> None:
        """Take what a new policy says of events, and look at the answers under way: limits may be lower in it."""
        self._treasury.marks.webhook = policy.spending.webhook
        self.watch.wake()

    async def close(self) -> None:
        """The replica ends: close the books of what it answered. What is left open is reclaimed as spent."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                await self._background.ended(CLOSING_S)
                await self._treasury.drain(CLOSING_S)

    def check(self, journey: Journey) -> None:
        """Raise `SpendingStopped` for a stopped scope, before anything is looked up: a hit is stopped too."""
        if stop := self.watch.stopped(bound(journey)):
            raise SpendingStopped(stop)

    def limits(self, caller: Caller) -> list[Limit]:
        """The limits that bind a caller now: a policy may have changed since its request began.

        Raises `StoreUnavailable` where the stored ones were never read.
        """
        return self._limits.of(caller, self._policy().budgets, self._treasury.stored.rules(caller.tenant))

    def limits_of(self, journey: Journey) -> list[Limit]:
        """The caller's, and those of the sessions that the request is a step of."""
        caller, lineage = journey.request.caller, journey.step.lineage if journey.step else ()
        return [*self.limits(caller), *session_limits(caller.tenant, lineage, self._policy())]

    @asynccontextmanager
    async def account(
        self, journey: Journey, *, requests: int = 1, hedge: bool = False
    ) -> AsyncGenerator[Account, None]:
        """What a request may spend; whatever ends it, what its attempts spent is booked, by a caller who leaves too.

        `requests` is 0 for what LeanServe asks on its own account. A `hedge` has an account of its own: it runs beside
        what the other holds.
        """
        request, spending = journey.request, journey.policy.spending
        limits = partial(self.limits_of, journey)
        name, spent_by = hedge_id(request.id) if hedge else request.id, partial(journey.spent, hedge=hedge)
        holder = Holder(name, bound(journey), spending, limits, spent_by, requests)
        account = Account(self.ledger, holder)
        try:
            yield account
        finally:
            spent, last = replace(spent_by(), requests=requests), journey.last(hedge=hedge)
            certain = last is None or last.outcome is AttemptOutcome.SUCCESS
            settle = partial(account.settle, spent, certain=certain)
            if last is not None and (seen := last.unsaid) is not None:
                self._background.start(settle(seen=seen), UNSETTLED)
                self._heard(journey, account.left_after(spent))
            else:
                self._heard(journey, await self._settled(account, spent, settle))

    async def _settled(
        self, account: Account, spent: Amounts, settle: Callable[[], Coroutine[None, None, None]]
    ) -> Sequence[Remaining]:
        """What is left then. Where there is plenty, the caller does not wait for the books."""
        if not account.tight:
            self._background.start(_behind(settle), UNSETTLED)
            return account.left_after(spent)
        await asyncio.shield(self._background.start(settle(), UNSETTLED))
        return account.left

    async def hit(self, journey: Journey, hit: CacheHit) -> None:
        """Pay a hit where the policy prices hits, and note what is left. Raises as `admit`."""
        limits = self.limits_of(journey)
        if journey.policy.spending.cache_hits:
            journey.charged = await pay_hit(self.ledger, journey, bound(journey), hit, limits)
        if limits:
            await self._balance(journey, limits)

    async def _balance(self, journey: Journey, limits: Sequence[Limit]) -> None:
        """What is left, as last heard: a hit waits for the ledger only where nothing was heard lately."""
        caller = journey.request.caller
        known = self._balances.of(caller)
        if known is None:
            await self._ask(journey, limits)
            return
        journey.left = known
        if not self._balances.fresh(caller):
            self._balances.note(caller, known)  # one question at a time
            self._background.start(self._ask(journey, limits), "a balance is old")

    async def _ask(self, journey: Journey, limits: Sequence[Limit]) -> None:
        with suppress(StoreUnavailable):
            self._heard(journey, await self._treasury.books.remaining(journey.request.caller.tenant, limits))

    def _heard(self, journey: Journey, left: Sequence[Remaining]) -> None:
        if left:
            journey.left = tuple(left)
            self._balances.note(journey.request.caller, left)


async def _behind(work: Callable[[], Coroutine[None, None, None]]) -> None:
    await asyncio.sleep(BEHIND_S)
    await work()


def bound(journey: Journey) -> Caller:
    """The caller with the sessions above its own, as far as they are known: their stops bind it too."""
    caller, step = journey.request.caller, journey.step
    return replace(caller, above=tuple(kin.name for kin in step.lineage[1:])) if step else caller
