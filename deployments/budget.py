"""The budget actor: it owns what outlives a request."""

import asyncio
import logging
import threading

from app.config.gateway import GatewayConfig
from deployments.parts import open_ledger, open_store

logger = logging.getLogger("leanserve.budget")
PERIOD_S = 5.0
"""How often dead reservations are looked for: well below the time-outs that make them."""


class BudgetActor:
    """One per application (deployment-scoped): reclaims the reservations of replicas that died.

    Requests never call it: admission is one script in Redis, so that nothing waits for this actor or for its restart.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._thread = threading.Thread(target=lambda: asyncio.run(self._watch()), daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        """Whether the watch goes on."""
        return self._thread.is_alive()

    async def _watch(self) -> None:
        ledger = open_ledger(await open_store(self._config))
        while True:
            try:
                await ledger.reclaim()
            except Exception as error:
                logger.warning("reclaiming reservations failed, again in %s s: %s", PERIOD_S, type(error).__name__)
            await asyncio.sleep(PERIOD_S)
