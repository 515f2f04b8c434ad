"""A hit that a limit leaves to who wanted none, behind attempts that were paid."""

from typing import Any

from app.budget.ledger import RedisBudgetLedger
from app.budget.limits import limits_for
from app.domain import CacheControl, Caller, GatewayRequest
from app.errors import BackendTimeout
from app.journey import Journey
from app.ports import Backend
from app.store.client import Store
from tests.fakes_answers import answer
from tests.fakes_backends import ScriptedBackend
from tests.harness import Running, Setup, open_gateway, tier

ASK = {"model": "small", "messages": [{"role": "user", "content": "how high is the Zugspitze?"}], "max_tokens": 20}
POLICY: dict[str, Any] = {
    "budgets": [{"tokens": 240, "requests": 9, "window": "total", "on_limit": "cache_only"}],
    "spending": {"cache_hits": 0.5},
    "cache": {"semantic": False},
}
"""A request holds some 200 tokens; what one that timed out has cost leaves no room for another."""


async def asked(running: Running, name: str, control: CacheControl) -> Journey:
    journey = running.gateway.begin(GatewayRequest(name, "chat", ASK, cache_control=control))
    async for _ in running.gateway.answer(journey):
        pass
    return journey


async def test_a_hit_is_paid_though_an_account_of_its_request_was_closed(store: Store, clean_redis: str) -> None:
    """It was refused as closed, and the client got a fault. The request counts once."""
    two: dict[str, Any] = tier("small")
    two["backends"] *= 2
    first = ScriptedBackend("small/echo", [[answer("2962 m")], [BackendTimeout("late")]])
    backends: dict[str, Backend] = {
        "small/echo": first,
        "small/echo-2": ScriptedBackend("small/echo-2", [[answer("2962 m")]]),
    }
    async with open_gateway(Setup(clean_redis, POLICY, {"tiers": [two]}, backends)) as running:
        await asked(running, "r1", CacheControl())
        journey = await asked(running, "r2", CacheControl(read=False))
        await running.gateway.spending.close()
        limits = limits_for(Caller(), running.gateway.policy.budgets)
        booked = await RedisBudgetLedger(store).booked("default", limits)
    assert journey.cache == "exact"
    assert journey.attempts
    assert [each.spent for each in booked if each.limit.unit == "requests"] == [2]
