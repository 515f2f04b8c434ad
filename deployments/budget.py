"""The budget actor: it owns what outlives a request."""

import asyncio
import logging
import os
import threading
from typing import Any

from app.budget.leases import RedisLeases
from app.config.gateway import GatewayConfig
from deployments.parts import open_leases, open_store

logger = logging.getLogger("leanserve.budget")
PERIOD_S = 1.0
"""How often dead holders are looked for; a silence counts only while somebody looks (`RedisLeases.reclaim`)."""


class BudgetActor:
    """One per application (deployment-scoped): reclaims the reservations of replicas that died.

    Requests never call it: admission is one script in Redis, so that nothing waits for this actor or for its restart.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        """`config` as plain data: Serve turns models in an actor's arguments into dicts on the way."""
        spec = GatewayConfig.model_validate(config)
        threading.Thread(target=_run, args=(spec,), daemon=True).start()


def _run(config: GatewayConfig) -> None:
    """Watch for ever. A watch that has ended takes its process along: Serve sees that, and starts another."""
    try:
        asyncio.run(_watch(config))
    except Exception:
        logger.exception("the budget actor ends")
    os._exit(1)


async def _watch(config: GatewayConfig) -> None:
    leases: RedisLeases | None = None
    while True:
        try:
            leases = leases or open_leases(await open_store(config))
            reclaimed = await leases.reclaim()
        except Exception as error:
            logger.warning("reclaiming reservations failed, again in %s s: %s", PERIOD_S, type(error).__name__)
        else:
            for each in reclaimed:
                logger.warning("reservation=%s reclaimed as spent: %s", each.id, each.amounts)
        await asyncio.sleep(PERIOD_S)
