"""A mixed load on two ingress replicas, one of which is killed in the middle, and what is said of it afterwards."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from app.config.gateway import StoreSpec
from app.ledger.reading import LedgerReader, named
from app.ledger.record import LedgerRecord
from app.process import kill
from app.store.client import open_store
from app.tiers.echo_journal import Produced, read
from tests.benchmarks.budgets.crowd import LOCAL, Crowd, Got
from tests.benchmarks.budgets.graph import FAST, FAST_ECHO, Graph
from tests.benchmarks.budgets.plans import Ask, plan
from tests.benchmarks.records.spans import Received

WAVE = 100
FEATURES = 8
POOR_TOKENS = 2_000
QUIET_S = 9.0
"""Without a new record: longer than sweeps and the sending of spans are apart."""
PATIENCE_S = 90.0


def change(failing: str, document: dict[str, Any]) -> None:
    """Of the graph: caches on, an upstream that fails before the engines, limits far away but for the poor."""
    application = document["applications"][0]
    policy, [fast, *_] = application["deployments"][0]["user_config"], application["args"]["tiers"]
    fast["backends"] = [{"kind": "openai", "base_url": f"{failing}/v1", "model": "none"}, *fast["backends"]]
    policy["cache"] = {"semantic": False}
    policy["attempts"] = {"breaker_failures": 5, "breaker_reset_s": 1}
    policy["budgets"] = [
        {"tenant": "*", "tokens": 2**40, "window": "total"},
        {"tenant": "*", "user": "poor", "tokens": POOR_TOKENS, "window": "total"},
    ]


@dataclass
class Said:
    """What each of those who know says of one tenant's requests."""

    records: list[LedgerRecord]
    rollup: dict[str, int]
    made: dict[str, Produced]
    answers: list[Got]
    received: Received
    killed: int
    wrong: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> Counter[str]:
        """How the requests ended, in a word."""
        return Counter(each.cause or each.cache for each in self.records)

    def check(self) -> "Said":
        """Note all that does not agree: of each request by itself, so that no two errors make one truth."""
        self._engines()
        self._clients()
        self._spans()
        self._sums()
        return self

    def _engines(self) -> None:
        """To the token; what a killed replica had under way is booked as held, which is as much or more.

        Where a client left, an engine whose whole answer was granted does not say what it made beyond what was seen.
        """
        known = {each.id for each in self.records}
        self.wrong += [f"no record of {name}: {made}" for name, made in self.made.items() if name not in known]
        for each in self.records:
            made, spent = self.made.get(each.id, Produced()), Produced(each.input_tokens, each.output_tokens)
            enough = spent.input_tokens >= made.input_tokens and spent.output_tokens >= made.output_tokens
            unheard = each.cause == "client_left" and spent.output_tokens <= made.output_tokens
            if not (enough if each.estimated else spent == made or unheard):
                self.wrong.append(f"{each.id} {each.cause} {each.detail}: {spent}, its engine {made}")

    def _clients(self) -> None:
        known = {each.id: each for each in self.records}
        for answer in self.answers:
            found = known.get(answer.request_id)
            if answer.request_id and found is None:
                self.wrong.append(f"no record of {answer.request_id}, which answered {answer.status}")
            told = answer.usage if answer.whole and found and found.cache == "miss" else None
            if found and told and sum(told) != found.input_tokens + found.output_tokens:
                self.wrong.append(f"{found.id}: {found.input_tokens}+{found.output_tokens}, its client was told {told}")

    def _spans(self) -> None:
        """Of replicas that lived on: a killed one takes the spans along that it had not sent."""
        living = {each.replica for each in self.records if each.cause == "lost"}
        for each in self.records:
            spent = self.received.spent[each.trace]
            told = (spent.input_tokens, spent.output_tokens, spent.micro_usd)
            if each.replica not in living and told != (each.input_tokens, each.output_tokens, each.micro_usd):
                self.wrong.append(f"{each.id} of {each.replica}: its spans say {told}, {each.micro_usd} here")

    def _sums(self) -> None:
        names = ("input_tokens", "output_tokens", "micro_usd")
        sums = {name: sum(getattr(each, name) for each in self.records) for name in names}
        if {name: self.rollup[name] for name in names} != sums or self.rollup["requests"] != len(self.records):
            self.wrong.append(f"the sums say {self.rollup}, the {len(self.records)} records {sums}")


async def run(graph: Graph, received: Received, requests: int, tenant: str = "mixed") -> Said:
    """So many, in waves of hundred; an ingress replica is killed in the middle of them."""
    asked: list[Ask] = []
    answers: list[Got] = []
    victim = 0
    for number in range(max(requests // WAVE, 2)):
        wave = _wave(number, asked)
        crowd = Crowd(graph.url, FAST, _headers(number, tenant))
        running = asyncio.ensure_future(crowd.run(wave))
        if number == requests // WAVE // 2:
            while crowd.begun < WAVE // 3 and not running.done():
                await asyncio.sleep(0.01)
            victim = random.Random(number).choice(graph.pids("ingress"))
            kill(victim)
        answers += await running
    await graph.whole()
    return await _said(graph, received, answers, tenant, victim)


def _wave(number: int, asked: list[Ask]) -> list[Ask]:
    """New ones, of which some clients leave; in every third wave half of them were asked before."""
    fresh = plan(5_000 + number, WAVE, FAST_ECHO, leavers=0.15)
    before = random.Random(number).sample(asked, min(len(asked), WAVE // 2)) if number % 3 == 2 else []
    asked += [each for each in fresh if each.leaves is None]
    return [*before, *fresh[len(before) :]]


def _headers(number: int, tenant: str) -> dict[str, str]:
    """Every fourth wave is of a user with little money."""
    user = "poor" if number % 4 == 3 else f"user-{number}"
    said = {"tenant": tenant, "feature": f"feature-{number % FEATURES}", "user": user}
    return {**LOCAL, **{f"x-leanserve-{name}": value for name, value in said.items()}}


async def _said(graph: Graph, received: Received, answers: list[Got], tenant: str, victim: int) -> Said:
    store = await open_store(graph.redis.url, StoreSpec(timeout_s=10))
    try:
        reader = LedgerReader(store)
        records, seen, since = list[LedgerRecord](), -1, time.monotonic()
        until = since + PATIENCE_S
        while time.monotonic() - since < QUIET_S and time.monotonic() < until:
            records = [each async for each in reader.records(tenant, 0, 1e10)]
            if len(records) != seen:
                seen, since = len(records), time.monotonic()
            await asyncio.sleep(0.5)
        cells = await reader.cells(tenant, "feature", time.time() - 86_400, time.time() + 1)
        rollup = named(cells.by()[()])
    finally:
        await store.close()
    return Said(records, rollup, read(graph.journal), answers, received, victim).check()
