"""A mixed load on two ingress replicas, one of which is killed in the middle, and what is said of it afterwards."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.config.gateway import StoreSpec
from app.config.load import load
from app.cost.price_list import PriceList
from app.domain import AUTO_MODEL, Lane, Scope
from app.domain.request_id import without_hedge
from app.ledger.reading import LedgerReader, named
from app.ledger.record import LedgerRecord
from app.process import kill
from app.store.client import open_store
from app.tiers.echo_journal import Produced, read
from tests.benchmarks.budgets.crowd import LOCAL, Crowd, Got
from tests.benchmarks.budgets.graph import FAST, FAST_ECHO, Graph
from tests.benchmarks.budgets.plans import Ask, plan
from tests.benchmarks.budgets.stop import switched
from tests.benchmarks.latency import prompts
from tests.benchmarks.records.said import Said
from tests.benchmarks.records.scrape import scraped
from tests.benchmarks.records.spans import Received

WAVE = 100
FEATURES = 8
POOR_TOKENS = 2_000
HEDGE = {"after_s": 0.1, "most_share": 0.1}
"""Of two engines the first hesitates for longer."""
JSON = {"response_format": {"type": "json_object"}}
QUIET_S = 9.0
"""Without a new record: longer than sweeps and the sending of spans are apart."""
PATIENCE_S = 90.0


def change(failing: str, document: dict[str, Any]) -> None:
    """Of the graph: caches on, an upstream that fails before two engines, limits far away but for the poor.

    What the router decides is answered by `fast` first; by a better tier, as fast here, where that looks unsure.
    """
    application = document["applications"][0]
    policy, [fast, twice, better] = application["deployments"][0]["user_config"], application["args"]["tiers"]
    fast["backends"] = [{"kind": "openai", "base_url": f"{failing}/v1", "model": "none"}, *twice["backends"]]
    application["args"]["tiers"].remove(twice)
    del policy["prices"][twice["name"]]
    better["backends"][0] |= {"tokens": 1, "most_tokens": 60, "time_per_token_ms": 5}
    policy["cache"] = {"semantic": False}
    policy["attempts"] = {"breaker_failures": 5, "breaker_reset_s": 1, "hedge": HEDGE}
    policy["routing"] = {
        "thresholds": {FAST: 1.0},
        "shadow": 0.5,
        "cascade": {"enabled": True, "streams": True, "min_confidence": 0},
    }
    policy["budgets"] = [
        {"tenant": "*", "tokens": 2**40, "window": "total"},
        {"tenant": "*", "user": "poor", "tokens": POOR_TOKENS, "window": "total"},
    ]


async def run(
    graph: Graph, received: Received, requests: int, tenant: str = "mixed", tell: Callable[[str], None] = lambda _: None
) -> Said:
    """So many, in waves of hundred: every seventh is stopped, and midway an ingress replica is killed."""
    asked: list[Ask] = []
    answers: list[Got] = []
    waves = max(requests // WAVE, 2)
    for number in range(waves):
        if number % 10 == 0:
            tell(f"wave {number + 1} of {waves}")
        model, wave = _wave(number, asked)
        crowd = Crowd(graph.url, model, _headers(number, tenant))
        running = asyncio.ensure_future(crowd.run(wave))
        if number == waves // 2:
            await _midway(crowd, running)
            kill(random.Random(WAVE).choice(graph.pids("ingress")))
        elif number % 7 == 6:
            await _midway(crowd, running)
            await switched(graph, Scope(tenant, (("user", _user(number)),)))
        answers += await running
    await graph.whole()
    return await _said(graph, received, answers, tenant)


async def _midway(crowd: Crowd, running: "asyncio.Future[list[Got]]") -> None:
    """Until a third of a wave has begun."""
    while crowd.begun < WAVE // 3 and not running.done():
        await asyncio.sleep(0.01)


def _wave(number: int, asked: list[Ask]) -> tuple[str, list[Ask]]:
    """New ones, of which some clients leave; in every third wave half of them were asked before.

    In every fifth the router decides, and some want JSON, which no echo is.
    """
    chosen = random.Random(number)
    fresh = plan(5_000 + number, WAVE, FAST_ECHO, leavers=0.15)
    if number % 5 == 4:
        return AUTO_MODEL, [_easy(each, text, chosen) for each, text in zip(fresh, prompts(number), strict=False)]
    before = chosen.sample(asked, min(len(asked), WAVE // 2)) if number % 3 == 2 else []
    asked += [each for each in fresh if each.leaves is None]
    return FAST, [*before, *fresh[len(before) :]]


def _easy(ask: Ask, text: str, chosen: random.Random) -> Ask:
    return replace(ask, text=text, extra=JSON if chosen.random() < 0.4 else {})


def _headers(number: int, tenant: str) -> dict[str, str]:
    said = {"tenant": tenant, "feature": f"feature-{number % FEATURES}", "user": _user(number)}
    return {**LOCAL, **{f"x-leanserve-{name}": value for name, value in said.items()}}


def _user(number: int) -> str:
    """Every fourth wave is of one with little money."""
    return "poor" if number % 4 == 3 else f"user-{number}"


async def _said(graph: Graph, received: Received, answers: list[Got], tenant: str) -> Said:
    store = await open_store(graph.redis.url, StoreSpec(timeout_s=10))
    try:
        reader = LedgerReader(store)
        records = await _settled(reader, tenant)
        cells = await reader.cells(tenant, "feature", time.time() - 86_400, time.time() + 1)
        rollup = named(cells.by()[()])
    finally:
        await store.close()
    file = load(graph.file)
    prices = PriceList(file.policy.prices, file.gateway.tiers).sheet(Lane.INTERACTIVE)
    metrics = scraped(graph.pids("ingress"))
    return Said(records, rollup, _made(graph.journal), answers, received, metrics, prices).check()


def _made(journal: Path) -> dict[str, Produced]:
    """By request, its hedge included."""
    found: dict[str, Produced] = {}
    for name, made in read(journal).items():
        before = found.get(request := without_hedge(name), Produced())
        tokens = before.input_tokens + made.input_tokens, before.output_tokens + made.output_tokens
        found[request] = Produced(*tokens)
    return found


async def _settled(reader: LedgerReader, tenant: str) -> list[LedgerRecord]:
    """All of them, once no more come."""
    records, seen, since = list[LedgerRecord](), -1, time.monotonic()
    until = since + PATIENCE_S
    while time.monotonic() - since < QUIET_S and time.monotonic() < until:
        records = [each async for each in reader.records(tenant, 0, 1e10)]
        if len(records) != seen:
            seen, since = len(records), time.monotonic()
        await asyncio.sleep(1)
    return records
