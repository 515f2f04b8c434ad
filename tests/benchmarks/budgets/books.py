"""What the ledger says, beside what engines produced and what clients were told."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.budget.ledger import RedisBudgetLedger
from app.budget.limits import limits_for
from app.config.budgets import BudgetRule
from app.config.gateway import StoreSpec
from app.domain import Caller, Limit
from app.errors import StoreUnavailable
from app.store.client import Store, open_store
from app.store.scripts import Script
from app.tiers import echo_journal
from tests.benchmarks.budgets.crowd import Got

RECLAIMED = Script("""
local packed = redis.call('GET', KEYS[1])
local record = packed and packed ~= 'settled' and cmsgpack.unpack(packed)
return record and record[1] == 2 and {record[2], record[4][3]} or {}
""")
"""The id and the tokens of a record that was reclaimed, as `app/budget/scripts/records.lua` writes it."""
LOOK_S = 0.05
PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Books:
    """One tenant's, under its limit on tokens."""

    store: Store
    limit: Limit

    @property
    def tenant(self) -> str:
        """Whose they are."""
        return self.limit.scope.tenant

    async def booked(self) -> tuple[int, int]:
        """Tokens spent, and held. Raises StoreUnavailable."""
        [found] = await RedisBudgetLedger(self.store).booked(self.tenant, [self.limit])
        return found.spent, found.held

    async def settled(self) -> float:
        """Wait until nothing is held; the seconds that it took. Raises AssertionError where that takes a minute."""
        began = time.perf_counter()
        while time.perf_counter() - began < PATIENCE_S:
            with suppress(StoreUnavailable):
                if (await self.booked())[1] == 0:
                    return time.perf_counter() - began
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"after {PATIENCE_S} s the books of {self.tenant} hold {await self.booked()}")

    async def reclaimed(self) -> dict[str, int]:
        """Tokens by request id, of reservations that the budget actor closed."""
        names = await self._keys("budget:reservation:*")
        found = [await self.store.script(RECLAIMED, [name.decode()], []) for name in names]
        return {each[0].decode(): each[1] for each in found if each}

    async def busiest(self) -> int:
        """The process of the ingress replica that holds most reservations; 0 where nothing is held."""
        keys = await self._keys("budget:open:*")
        found = {key: await self.store.command("ZCARD", key) for key in keys}
        most = max(found, key=lambda key: int(found[key]), default=b":0-")
        return int(most.rpartition(b":")[2].split(b"-")[0])

    async def left_by(self, pid: int) -> float:
        """Wait until nothing is held for a dead ingress replica; the seconds. Raises AssertionError after a minute."""
        began, keys = time.perf_counter(), await self._keys(f"budget:open:{pid}-*")
        while time.perf_counter() - began < PATIENCE_S:
            if not sum([await self.store.command("ZCARD", key) for key in keys]):
                return time.perf_counter() - began
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"after {PATIENCE_S} s the dead replica {pid} still holds")

    async def _keys(self, pattern: str) -> list[bytes]:
        stem = self.store.keys.stops(self.tenant).removesuffix("budget:stops")
        return list(await self.store.command("KEYS", stem + pattern))


@asynccontextmanager
async def open_books(url: str, tenant: str, tokens: int) -> AsyncGenerator[Books, None]:
    """Those of a tenant whose only limit is on tokens for ever, as `rule` says."""
    store = await open_store(url, StoreSpec(timeout_s=2))
    [limit] = limits_for(Caller(tenant), [BudgetRule.model_validate(rule(tenant, tokens))])
    try:
        yield Books(store, limit)
    finally:
        await store.close()


def rule(tenant: str, tokens: int) -> dict[str, object]:
    """For a policy's budgets."""
    return {"tenant": tenant, "tokens": tokens, "window": "total"}


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The three accounts of one load, in tokens: the ledger's, the clients', the engines'.

    `reclaimed` are reservations that nobody settled: booked as spent whole. `unequal` are answers whose usage is not
    what their engine made, `beyond` the output tokens that clients saw and that no usage tells.
    """

    limit: int
    wanted: int
    booked: int
    told: int
    made: int
    beyond: int
    statuses: Mapping[str, int]
    reclaimed: Mapping[str, int] = field(default_factory=dict)
    made_of_reclaimed: int = 0
    unequal: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def overrun(self) -> int:
        """Tokens beyond the limit, by whichever account says most."""
        return max(self.booked, self.told, self.made) - self.limit

    @property
    def unused(self) -> float:
        """The share of the limit that nobody got though somebody wanted it."""
        return (min(self.limit, self.wanted) - self.booked) / self.limit

    @property
    def apart(self) -> int:
        """By how much engines made more than was booked, of all that was settled."""
        return (self.made - self.made_of_reclaimed) - (self.booked - sum(self.reclaimed.values()))


async def reckon(books: Books, answers: Sequence[Got], journal: Path) -> Reckoning:
    """Once nothing is held any more. The engines' requests are those of this tenant alone: empty the journal before."""
    made, reclaimed = echo_journal.read(journal), await books.reclaimed()
    kinds = [_kind(answer) for answer in answers]
    unequal = {
        answer.request_id: (answer.tokens, made[answer.request_id].tokens)
        for answer in answers
        if answer.usage and answer.request_id in made and answer.tokens != made[answer.request_id].tokens
    }
    return Reckoning(
        books.limit.amount,
        sum(answer.ask.wanted for answer in answers),
        (await books.booked())[0],
        sum(answer.tokens for answer in answers),
        sum(each.tokens for each in made.values()),
        sum(max(answer.delivered - answer.usage[1], 0) for answer in answers if answer.usage),
        {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        reclaimed,
        sum(each.tokens for name, each in made.items() if name in reclaimed),
        unequal,
    )


def _kind(answer: Got) -> str:
    """How it ended, in a word or two."""
    if answer.status != 200:
        return f"{answer.status or 'broken'} {answer.error}".strip()
    if answer.ask.leaves is not None and not answer.whole:
        return "left"
    return f"stopped {answer.stopped}" if answer.stopped else answer.error or ("whole" if answer.whole else "cut")
