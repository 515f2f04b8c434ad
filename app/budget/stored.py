"""Budget rules that stand in Redis, beside those of the policy: all that match apply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from app.config.budgets import BudgetRule
from app.errors import Conflict, StoreUnavailable
from app.store.client import Store
from app.store.revised import RevisedTable


@dataclass(frozen=True, slots=True)
class StoredRule:
    """One rule. What the operator wrote no tenant's admin may lift."""

    id: str
    rule: BudgetRule
    operator: bool = True


def encoded(stored: StoredRule) -> bytes:
    """A rule as it is stored: what was written, so that defaults stay defaults."""
    rule = stored.rule.model_dump(mode="json", exclude_unset=True)
    return msgspec.json.encode({"id": stored.id, "operator": stored.operator, "rule": rule})


def tenant_of(text: bytes) -> str:
    """Whom a rule limits that cannot be read otherwise: everybody, where not even that can."""
    try:
        return str(msgspec.json.decode(text)["rule"].get("tenant", "*"))
    except Exception:
        return "*"


def decoded(text: bytes) -> StoredRule:
    """The rule that `encoded` wrote. Raises pydantic's `ValidationError`."""
    found = msgspec.json.decode(text)
    return StoredRule(found["id"], BudgetRule.model_validate(found["rule"]), bool(found["operator"]))


class StoredBudgets:
    """The rules of all tenants, kept whole in each replica."""

    def __init__(self, store: Store) -> None:
        self.table = RevisedTable(store, store.keys.stored_budgets(), "budgets", decoded)
        self._sorted: tuple[Mapping[str, StoredRule], Mapping[str, tuple[BudgetRule, ...]]] = ({}, {})
        self._unread: Mapping[str, str] = {}

    def rules_for(self, tenant: str) -> tuple[BudgetRule, ...]:
        """What applies to the callers of `tenant`, without asking Redis.

        Raises `StoreUnavailable` where the rules were never read, or one of them cannot be, as of a later version:
        nobody knows then what may be spent.
        """
        if not self.table.known:
            raise StoreUnavailable("the stored budgets are not known yet")
        rows, by_tenant = self._sorted
        if rows is not self.table.rows:
            by_tenant = _by_tenant(self.table.rows)
            self._sorted = (self.table.rows, by_tenant)
            self._unread = {tenant_of(text): name for name, text in self.table.unread.items()}
        if unread := self._unread and (self._unread.get("*") or self._unread.get(tenant)):
            raise StoreUnavailable(f"the stored budget {unread} cannot be read")
        return by_tenant.get("*", ()) + (by_tenant.get(tenant, ()) if tenant != "*" else ())

    async def all(self) -> list[StoredRule]:
        """As they are now, by id. Raises `StoreUnavailable`."""
        await self.table.refresh()
        return [self.table.rows[name] for name in sorted(self.table.rows)]

    async def get(self, rule_id: str) -> tuple[StoredRule | None, bytes]:
        """One of them as it is now, None where it cannot be read, and its text, for `put` and `delete`.

        Raises `StoreUnavailable`.
        """
        return await self.table.get(rule_id)

    async def put(self, new: StoredRule, before: bytes) -> None:
        """Add or replace one, on the disk when it returns. Raises `StoreUnavailable`.

        Raises `Conflict` where its text is no longer what it was `before`.
        """
        await self._swap(new.id, before, encoded(new))

    async def delete(self, rule_id: str, before: bytes) -> None:
        """Take one away, as `put`."""
        await self._swap(rule_id, before, b"")

    async def _swap(self, rule_id: str, before: bytes, text: bytes) -> None:
        if not await self.table.swap(rule_id, before, text):
            raise Conflict("somebody else changed this budget at the same time: try again")


def _by_tenant(rows: Mapping[str, StoredRule]) -> dict[str, tuple[BudgetRule, ...]]:
    found: dict[str, Sequence[BudgetRule]] = {}
    for name in sorted(rows):
        rule = rows[name].rule
        found[rule.tenant] = (*found.get(rule.tenant, ()), rule)
    return {tenant: tuple(rules) for tenant, rules in found.items()}
