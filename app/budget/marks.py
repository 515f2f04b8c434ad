"""Soft marks: a limit that is half used, or nearly, is told of, so that nobody learns of it from a refusal."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from app.background import Background
from app.budget.retrying import Sleep
from app.budget.signature import signature
from app.domain import Marked

logger = logging.getLogger("leanserve.budget")

DELAYS_S = (1, 5, 30, 120, 600)
"""Between the deliveries of one event that fail: a receiver that is deployed anew is back within minutes."""
TIMEOUT_S = 5.0
CAPACITY = 1_000
"""Events under delivery at once; a further one is in the log only."""


class Marks:
    """Tells each mark once: a line in the log, a count, and a POST to `webhook` where that is set.

    Deliveries follow the Standard Webhooks specification 1.0 (https://www.standardwebhooks.com): `webhook-id` is the
    same for each try, `webhook-signature` is made with `key` where there is one.
    """

    def __init__(
        self, count: Callable[[Marked], None], client: httpx.AsyncClient, *, sleep: Sleep, key: bytes = b""
    ) -> None:
        self.webhook = ""
        self._count, self._client, self._sleep, self._key = count, client, sleep, key
        self._background = Background()
        self._under_way = 0

    def told(self, marks: Sequence[Marked]) -> None:
        """Tell these. Never waits and never raises."""
        for each in marks:
            event = event_of(each)
            logger.warning("budget mark: %s", json.dumps(event["data"]))
            self._count(each)
            if self.webhook and self._under_way < CAPACITY:
                self._under_way += 1
                self._background.start(self._deliver(self.webhook, event), "a budget event was not delivered")

    async def _deliver(self, url: str, event: dict[str, Any]) -> None:
        try:
            body = json.dumps(event).encode()
            for delay_s in (*DELAYS_S, None):
                if await self._posted(url, event["id"], body):
                    return
                if delay_s is not None:
                    await self._sleep(delay_s)
            logger.error("the webhook did not take event %s", event["id"])
        finally:
            self._under_way -= 1

    async def _posted(self, url: str, name: str, body: bytes) -> bool:
        try:
            headers = {"content-type": "application/json", **self._signed(name, body)}
            answer = await self._client.post(url, content=body, headers=headers, timeout=TIMEOUT_S)
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        return answer.is_success

    def _signed(self, name: str, body: bytes) -> dict[str, str]:
        at = str(int(time.time()))
        headers = {"webhook-id": name, "webhook-timestamp": at}
        if self._key:
            headers["webhook-signature"] = signature(self._key, name, at, body)
        return headers


def event_of(marked: Marked) -> dict[str, Any]:
    """The event as it is delivered."""
    limit = marked.limit
    data = {
        "scope": str(limit.scope),
        "unit": str(limit.unit),
        "window": str(limit.window),
        "amount": limit.amount,
        "spent": marked.spent,
        "mark": marked.mark,
    }
    at = time.time()
    name = hashlib.sha256(json.dumps([*data.values(), at]).encode()).hexdigest()[:24]
    return {"id": f"mark_{name}", "type": "budget.mark", "timestamp": at, "data": data}
