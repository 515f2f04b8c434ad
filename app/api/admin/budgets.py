"""`/admin/budgets`: the limits that stand in Redis, beside those of the policy."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request

from app.access.key import ANY_TENANT
from app.api.admin.keys import asked_tenant, within_of
from app.api.body import parse, read_body
from app.api.names import checked_name
from app.budget.desk import BudgetDesk, checked_id
from app.budget.stored import StoredRule
from app.budget.told import ruled
from app.config.budgets import BudgetRule


class BudgetRoutes:
    """The limits of the admin's tenant; of all tenants for the operator. A body is a rule as the policy has it."""

    def __init__(self, desk: BudgetDesk, max_body_bytes: int) -> None:
        self._desk = desk
        self._limit = max_body_bytes
        self.router = APIRouter(prefix="/admin/budgets")
        self.router.add_api_route("", self.list, methods=["GET"])
        self.router.add_api_route("", self.add, methods=["POST"])
        self.router.add_api_route("/{budget_id}", self.put, methods=["PUT"])
        self.router.add_api_route("/{budget_id}", self.delete, methods=["DELETE"])

    async def list(self, request: Request) -> dict[str, Any]:
        """Stored rules with their ids, and those of the policy, which have none."""
        within = asked_tenant(request)
        policy = [
            {"id": None, "object": "budget", "source": "policy", **ruled(r)} for r in self._desk.of_policy(within)
        ]
        return {"object": "list", "data": [*map(told, await self._desk.stored(within)), *policy]}

    async def add(self, request: Request) -> dict[str, Any]:
        """Store a rule; every replica heeds it within a quarter of a second."""
        return told(await self._desk.add(await self._rule(request, {}), within_of(request)))

    async def put(self, request: Request, budget_id: str) -> dict[str, Any]:
        """Store a rule under an id of one's own, new or not. The same again, or as it was read, changes nothing."""
        within = within_of(request)
        by = "operator" if within == ANY_TENANT else "tenant"
        repeated = {"id": checked_id(budget_id), "object": "budget", "source": "stored", "by": by}
        return told(await self._desk.put(budget_id, await self._rule(request, repeated), within))

    async def delete(self, request: Request, budget_id: str) -> dict[str, Any]:
        """Take a rule away; what was spent under it stays counted, should it come back."""
        await self._desk.delete(checked_id(budget_id), within_of(request))
        return {"id": budget_id, "object": "budget", "deleted": True}

    async def _rule(self, request: Request, repeated: Mapping[str, Any]) -> BudgetRule:
        rule = BudgetRule.model_validate(parse(await read_body(request, self._limit), BudgetRule, repeated))
        for kind, name in [("tenant", rule.tenant), *rule.pattern]:
            checked_name(kind, name)
        return rule


def told(stored: StoredRule) -> dict[str, Any]:
    """A stored rule."""
    by = "operator" if stored.operator else "tenant"
    return {"id": stored.id, "object": "budget", "source": "stored", "by": by, **ruled(stored.rule)}
