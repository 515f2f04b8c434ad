"""The books of a replica that ends."""

import asyncio
from contextlib import aclosing

from app.budget.ledger import RedisBudgetLedger
from app.budget.limits import limits_for
from app.domain import Caller, Chunk, GatewayRequest
from app.store.client import Store
from tests.fakes_backends import ScriptedBackend
from tests.harness import Setup, open_gateway

ASK = {"model": "small", "messages": [{"role": "user", "content": "how high is it?"}], "stream": True}


async def test_what_nobody_waits_for_is_booked_before_a_replica_ends(store: Store, clean_redis: str) -> None:
    """A client has just left, and its engine has not said yet what it made: cut off, all stays held."""
    begun: list[Chunk] = [{"choices": [{"index": 0, "delta": {"content": "2962"}}]}]
    slow = ScriptedBackend("small/echo", [[begun, lambda: asyncio.sleep(60)]])
    policy = {"budgets": [{"tokens": 10_000}], "cache": {"semantic": False}}
    async with open_gateway(Setup(clean_redis, policy, backends={"small/echo": slow})) as running:
        gateway, ledger = running.gateway, RedisBudgetLedger(store)
        async with aclosing(gateway.answer(gateway.begin(GatewayRequest("r1", "chat", ASK)))) as parts:
            await anext(parts)
        limits = limits_for(Caller(), gateway.policy.budgets)
        [before] = await ledger.booked("default", limits)
        await gateway.spending.close()
        [after] = await ledger.booked("default", limits)
    assert before.held > 0
    assert (after.held, after.spent > 0) == (0, True)
