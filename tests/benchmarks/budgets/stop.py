"""The kill switch, and a limit that is lowered: how long until the last of many live streams has ended."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from app.domain import Scope
from tests.benchmarks.budgets.books import open_books, rule
from tests.benchmarks.budgets.crowd import LOCAL, Crowd, Got
from tests.benchmarks.budgets.graph import SLOW, SLOW_ECHO, Graph
from tests.benchmarks.budgets.plans import Ask
from tests.benchmarks.summary import Row

SWITCHED, LOWERED, EDITED = "switched", "lowered", "edited"
FEATURE = "nightly"
PLENTY = 2**40
GOAL_S = 1.0
BEGUN_S = 120
PAUSE_S = 2.0
"""Streams go on for so long before they are stopped."""

Deed = Callable[[Graph], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stop:
    """`seconds` from the deed to the last byte of the last stream; `clean` ended with usage, a reason and `[DONE]`."""

    streams: int
    seconds: float
    deed_s: float
    clean: int
    held_s: float


def rules() -> list[dict[str, object]]:
    """For the policy."""
    return [rule(tenant, PLENTY) for tenant in (SWITCHED, LOWERED, EDITED)]


async def stop(graph: Graph, streams: int, tenant: str, deed: Deed) -> Stop:
    """So many live streams of one scope, and a deed that shall end them."""
    crowd = Crowd(graph.url, SLOW, {**LOCAL, "x-leanserve-tenant": tenant, "x-leanserve-feature": FEATURE})
    asks = [Ask(f"stream number {number}", SLOW_ECHO.tokens, stream=True, told=True) for number in range(streams)]
    running = asyncio.ensure_future(crowd.run(asks))
    end = time.monotonic() + BEGUN_S
    while crowd.begun < streams:
        assert time.monotonic() < end, f"only {crowd.begun} streams began"
        assert not running.done()
        await asyncio.sleep(0.05)
    await asyncio.sleep(PAUSE_S)
    began = time.perf_counter()
    await deed(graph)
    deed_s = time.perf_counter() - began
    answers = await running
    seconds = max(answer.ended_s for answer in answers) - began
    async with open_books(graph.redis.url, tenant, PLENTY) as books:
        return Stop(streams, seconds, deed_s, sum(map(_clean, answers)), await books.settled())


def _clean(answer: Got) -> bool:
    """It says why it ended, what it cost, and that nothing more comes."""
    return answer.whole and bool(answer.stopped) and answer.usage is not None


async def switch(graph: Graph) -> None:
    """The kill switch of the scope."""
    await switched(graph, Scope(SWITCHED, (("feature", FEATURE),)))


async def switched(graph: Graph, scope: Scope) -> None:
    """The kill switch of any."""
    url = f"{graph.url}/admin/scopes/{quote(str(scope))}/stop"
    await asyncio.to_thread(_post, url, {"reason": "measured"})


async def lower(graph: Graph) -> None:
    """A limit by the admin's API, less than what was spent."""
    await asyncio.to_thread(_post, f"{graph.url}/admin/budgets", rule(LOWERED, 1))


async def edit(graph: Graph) -> None:
    """A policy with such a limit."""
    graph.change({"budgets": [rule(EDITED, 1)]})


def _post(url: str, body: dict[str, object]) -> None:
    headers = {**LOCAL, "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
        assert answer.status == 200


DEEDS = {
    "kill switch": (SWITCHED, switch),
    "limit lowered by the admin's API": (LOWERED, lower),
    "limit lowered in the policy's file": (EDITED, edit),  # last: it takes all other limits away
}


async def rows(graph: Graph, streams: int) -> list[Row]:
    """Each deed against the goal."""
    return [_row(name, await stop(graph, streams, *DEEDS[name])) for name in DEEDS]


def _row(name: str, found: Stop) -> Row:
    return Row(
        f"{name} to last byte, {found.streams} live streams, 2 replicas: ≤ {GOAL_S:g} s",
        "",
        f"{found.seconds:.2f} s",
        f"{found.clean} clean ends",
        found.seconds <= GOAL_S and found.clean == found.streams,
        {"seconds": found.seconds, "clean": found.clean, "held_s": found.held_s},
        (f"{name}: the deed itself took {found.deed_s:.3f} s; nothing was held {found.held_s:.2f} s later",),
    )
