"""What an admin does with limits and scopes. A tenant's admin acts within its tenant; the operator everywhere."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import uuid4

from app.access.key import ANY_TENANT
from app.budget.ledger import Booked
from app.budget.limits import limits_for
from app.budget.scopes import caller_in, check_stoppable
from app.budget.stops import BY_OPERATOR
from app.budget.stored import StoredBudgets, StoredRule
from app.config.budgets import BudgetRule
from app.domain import Limit, Remaining, Scope, ScopeStopped
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound
from app.ports import Stops

T = TypeVar("T")

PAUSES_S = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""At most, before a change that somebody else's came before is made again."""
MOST_LIMITS = 1_000
"""Of one tenant's stored rules together: holding for a request that all of them bind takes 30 ms."""
RULE_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Books(Protocol):
    """Who knows what is spent. Both raise `StoreUnavailable`."""

    async def booked(self, tenant: str, limits: Sequence[Limit]) -> Sequence[Booked]:
        """What is spent and held under each limit, now."""
        ...

    async def remaining(self, tenant: str, limits: Sequence[Limit]) -> Sequence[Remaining]:
        """What each limit leaves, now."""
        ...


@dataclass(frozen=True, slots=True)
class ScopeState:
    """One scope: the limits that bind it with what they leave, and why it is stopped, None where it is not."""

    scope: Scope
    standings: Sequence[tuple[Booked, Remaining]]
    stopped: str | None


class BudgetDesk:
    """Stored rules, what scopes spent, and the kill switch. Everything raises `StoreUnavailable` where Redis is away.

    `policy` gives the policy's own rules; `within` is the tenant that may be touched, `ANY_TENANT` for the operator.
    """

    def __init__(
        self, stored: StoredBudgets, books: Books, stops: Stops, policy: Callable[[], Sequence[BudgetRule]] = tuple
    ) -> None:
        self._stored = stored
        self._books = books
        self._stops = stops
        self._policy = policy

    async def stored(self, within: str) -> list[StoredRule]:
        """The stored rules; to a tenant's admin its own."""
        return [each for each in await self._stored.all() if within in {ANY_TENANT, each.rule.tenant}]

    def of_policy(self, within: str) -> list[BudgetRule]:
        """The rules of the policy; to a tenant's admin those that bind it."""
        return [rule for rule in self._policy() if within == ANY_TENANT or rule.tenant in {"*", within}]

    async def add(self, rule: BudgetRule, within: str) -> StoredRule:
        """Store a rule under a new id."""
        return await self.put(f"b-{uuid4().hex[:12]}", rule, within)

    async def put(self, rule_id: str, rule: BudgetRule, within: str) -> StoredRule:
        """Store a rule under this id, in the place of what was there. The same again changes nothing.

        Raises `Conflict` where others change it at the same time, again and again.
        """
        return await _insisted(lambda: self._put(rule_id, own(rule, within), within))

    async def _put(self, rule_id: str, rule: BudgetRule, within: str) -> StoredRule:
        before, text = await self._stored.get(rule_id)
        if text:
            _check_may_change(before, within)
        others = [each.rule for each in await self._stored.all() if each.id != rule_id]
        if sum(len(each.amounts()) for each in (rule, *others) if each.tenant == rule.tenant) > MOST_LIMITS:
            raise InvalidRequest(f"tenant {rule.tenant} would have more than {MOST_LIMITS} stored limits: delete some")
        new = StoredRule(rule_id, rule, within == ANY_TENANT)
        await self._stored.put(new, text)
        return new

    async def delete(self, rule_id: str, within: str) -> None:
        """Take a rule away. Raises `NotFound`, and `Conflict` as `put`."""
        await _insisted(lambda: self._delete(rule_id, within))

    async def _delete(self, rule_id: str, within: str) -> None:
        before, text = await self._stored.get(rule_id)
        if not text:
            raise NotFound(f"there is no stored budget {rule_id[:40]!r}")
        _check_may_change(before, within)
        await self._stored.delete(rule_id, text)

    async def show(self, scope: Scope) -> ScopeState:
        """The limits that bind a scope as such, by the policy and the stored rules of now."""
        await self._stored.table.refresh()
        rules = [*self._policy(), *self._stored.rules_for(scope.tenant)]
        parts = set(scope.parts)
        limits = [each for each in limits_for(caller_in(scope), rules) if set(each.scope.parts) <= parts]
        booked = await self._books.booked(scope.tenant, limits)
        left = await self._books.remaining(scope.tenant, limits)
        return ScopeState(scope, list(zip(booked, left, strict=True)), await reason_of(self._stops, scope))

    async def stop(self, scope: Scope, reason: str, within: str) -> str:
        """Stop a scope; the reason that it is stopped for now. An operator's stop keeps its own."""
        check_stoppable(scope)
        if within == ANY_TENANT:
            reason = BY_OPERATOR + reason
        elif reason.startswith(BY_OPERATOR):
            raise InvalidRequest(f"a reason may not begin with {BY_OPERATOR!r}", "reason")
        return await self._stops.stop(scope, reason, sparing=_spared(within))

    async def resume(self, scope: Scope, within: str) -> None:
        """Let a scope go on; harmless where it was not stopped. Raises `Forbidden` where the operator stopped it."""
        if not await self._stops.resume(scope, sparing=_spared(within)):
            raise Forbidden("the operator stopped this scope")

    async def stops(self, within: str) -> Sequence[ScopeStopped]:
        """What is stopped."""
        return await self._stops.stops(None if within == ANY_TENANT else within)


def _spared(within: str) -> str | None:
    """What a stop's reason begins with that who acts `within` may not touch."""
    return None if within == ANY_TENANT else BY_OPERATOR


async def _insisted(change: Callable[[], Awaitable[T]]) -> T:
    """`change`, made again by what is there now where somebody else was quicker."""
    for pause_s in PAUSES_S:
        try:
            return await change()
        except Conflict:
            await asyncio.sleep(pause_s * random.random())  # noqa: S311 - only to fall out of step
    return await change()


async def reason_of(stops: Stops, scope: Scope) -> str | None:
    """Why a scope is stopped; None where it is not."""
    found = (each.reason for each in await stops.stops(scope.tenant) if each.scope == scope)
    return next(found, None)


def checked_id(rule_id: str) -> str:
    """An id that may be one. Raises `InvalidRequest`."""
    if not RULE_ID.fullmatch(rule_id):
        raise InvalidRequest("a budget's id is up to 64 letters, digits and _ . -", "id")
    return rule_id


def own(rule: BudgetRule, within: str) -> BudgetRule:
    """`rule` as a tenant's admin may write it: of its tenant, said or not. Raises `Forbidden` for another's."""
    if within == ANY_TENANT:
        return rule
    if "tenant" in rule.model_fields_set and rule.tenant != within:
        raise Forbidden("a tenant's admin limits its own tenant only", "tenant")
    return rule.model_copy(update={"tenant": within})


def _check_may_change(before: StoredRule | None, within: str) -> None:
    """None is one that cannot be read: nobody knows then whose it is."""
    if within == ANY_TENANT:
        return
    if before is None:
        raise Forbidden("this budget cannot be read: the operator may replace it")
    if before.rule.tenant != within:
        raise NotFound(f"there is no stored budget {before.id[:40]!r}")
    if before.operator:
        raise Forbidden("the operator wrote this budget")
