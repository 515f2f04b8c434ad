"""A first answer, judged while it is held back."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from app.cascade.draft import JUDGES, Draft
from app.config.policy import Policy
from app.domain import GatewayRequest
from app.journey import Journey
from tests.fakes_answers import answer

POLICY = Policy.model_validate({"routing": {"cascade": {"enabled": True}}})
PAYLOAD = {"model": "auto", "messages": [], "response_format": {"type": "json_object"}}


async def test_it_is_judged_in_threads_of_its_own() -> None:
    """However busy the process's shared pool is, and more at once than there are threads."""
    free, shared = Event(), ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(shared)
    busy = loop.run_in_executor(None, free.wait)
    drafts = [Draft(Journey(GatewayRequest("r", "chat", PAYLOAD), POLICY)) for _ in range(2 * JUDGES)]
    try:
        await asyncio.gather(*(draft.take(answer("no JSON")) for draft in drafts))
        assert [draft.doubt for draft in drafts] == ["structure"] * len(drafts)
    finally:
        free.set()
        await busy
