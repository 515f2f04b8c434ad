"""One truth: what the ledger, spans, metrics and engines say of a mixed load, to the token and the micro-dollar."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.config.gateway import EchoBackend as EchoSpec
from app.config.gateway import StoreSpec
from app.domain import BackendCall, Chunk
from app.domain.request_id import hedge_id
from app.errors import BackendBroken, BackendOverloaded, BackendUnreachable
from app.ledger.reading import LedgerReader, named
from app.ledger.record import LedgerRecord
from app.store.client import open_store
from app.tiers.echo import EchoBackend
from app.tiers.echo_journal import Produced, read
from tests.api.conftest import Serve
from tests.api.test_shadow import ToSmall
from tests.harness import Running, eventually, tier

HEADERS = {"authorization": "Bearer local"}
PACE: dict[str, Any] = {"tokens": 24, "most_tokens": 40, "time_per_token_ms": 1}


class Flaky:
    """A fake backend: an echo that fails now and then, before its first token or in the middle, and hesitates."""

    def __init__(self, spec: EchoSpec, name: str, seed: int) -> None:
        self.name, self._echo, self._chance = name, EchoBackend(spec, name), random.Random(seed)

    async def send(self, call: BackendCall) -> AsyncGenerator[list[Chunk], None]:
        drawn = self._chance.random()
        if drawn < 0.15:
            raise self._chance.choice([BackendUnreachable, BackendOverloaded])("flaky")
        if drawn > 0.8:
            await asyncio.sleep(0.2)
        given = 0
        async for batch in self._echo.send(call):
            yield batch
            given += 1
            if drawn < 0.22 and given == 5:
                raise BackendBroken("flaky")

    async def ready(self) -> bool:
        return True


@pytest.fixture
def mixed(serve: Serve, tmp_path: Path) -> Running:
    """Two backends that fail, a third that does not, cascades, shadows, and users with little money."""
    names = ("small/echo", "small/echo-2", "large/echo")
    specs = {name: EchoSpec(kind="echo", journal=str(tmp_path / "journal"), **PACE) for name in names}
    tiers = [tier("small", **PACE), tier("large", **PACE)]
    tiers[0]["backends"] *= 2
    tiers[0]["max_output_tokens"] = 32  # what it cuts looks unsure
    backends: dict[str, Any] = {name: Flaky(specs[name], name, seed) for seed, name in enumerate(names[:2])}
    backends["large/echo"] = EchoBackend(specs["large/echo"], "large/echo")
    policy = {
        "budgets": [{"user": "poor", "tokens": 300}, {"user": "*", "feature": "f1", "tokens": 100_000}],
        "routing": {"shadow": 0.3},
        "features": {"f2": {"routing": {"cascade": {"enabled": True}}}},
        "cache": {"semantic": False},
        "attempts": {"breaker_failures": 1000, "hedge": {"after_s": 0.05, "most_share": 0.3}},
        "spending": {"first_stretch": 8},
    }
    return serve(config={"tiers": tiers}, policy=policy, backends=backends, router=ToSmall())


def test_the_ledger_says_what_spans_metrics_and_engines_say(mixed: Running, tmp_path: Path) -> None:
    """Hits, misses, followers, retries, faults in the middle, clients that leave, stops, cascades, shadows, embeddings,
    and requests that are refused: one record each, and the sums of all agree."""
    answers = asyncio.run(load(mixed, 300))
    unheard = answers.pop("unheard", 0)
    assert eventually(lambda: settled(mixed), 20)
    records = asyncio.run(kept(mixed))
    asked = [each for each in records if not each.id.endswith("-shadow")]
    assert len({each.id for each in records}) == len(records)
    assert {each.id for each in asked} >= answers.keys()
    assert len(asked) == 300 - unheard < 300
    kinds = Counter(each.cause or each.cache for each in asked)
    assert {"exact", "miss", "bypass", "client_left", "stopped"} <= kinds.keys(), kinds
    roles = Counter(entry.role for each in records for entry in each.attempts)
    assert {"answer", "retry", "hedge", "draft", "shadow", "embedding"} <= roles.keys(), roles

    sums = ledger_sums(records)
    assert sums == span_sums(mixed)
    assert sums == metric_sums(mixed)
    assert sums == asyncio.run(rollup_sums(mixed))
    made = read(tmp_path / "journal")
    for each in records:
        engine, hedge = made.get(each.id, Produced()), made.get(hedge_id(each.id), Produced())
        engine = Produced(engine.input_tokens + hedge.input_tokens, engine.output_tokens + hedge.output_tokens)
        spent = Produced(each.input_tokens, each.output_tokens)
        if each.operation == "embeddings":
            assert engine == Produced()
        elif any(entry.role == "hedge" for entry in each.attempts):
            # of an engine that was outrun nobody knows whether it had begun to read
            assert engine.input_tokens <= spent.input_tokens, each
            assert engine.output_tokens >= spent.output_tokens, each
        elif each.user == "poor" or each.feature == "f1" or each.cause == "client_left":
            # an engine without a fuse makes more than is granted, and does not say what it made of what was cut
            assert (engine.input_tokens, engine.output_tokens) >= (spent.input_tokens, spent.output_tokens), each
        else:
            assert engine == spent, each
    for each in asked:
        if each.id in answers:
            assert answers[each.id] == each.micro_usd


async def load(running: Running, requests: int) -> dict[str, int]:
    """Ask so much; the cost that clients were told, by request id, and how often a model was `unheard` of."""
    chance, told = random.Random(6), dict[str, int]()
    async with httpx.AsyncClient(base_url=running.url, headers=HEADERS, timeout=30) as client:
        gate = asyncio.Semaphore(12)

        async def one(number: int) -> None:
            async with gate:
                await ask(client, number, chance.random(), told)

        await asyncio.gather(*(one(number) for number in range(requests)))
    return told


async def ask(client: httpx.AsyncClient, number: int, drawn: float, told: dict[str, int]) -> None:
    headers = {"x-leanserve-feature": f"f{number % 5}", "x-leanserve-user": f"u{number % 7}"}
    if drawn < 0.05:
        await client.post("/v1/embeddings", json={"model": "all-MiniLM-L6-v2", "input": "words"}, headers=headers)
        return
    question = f"say it {number}" if drawn < 0.75 else f"what is rain of kind {number % 9}"
    body: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": question}]}
    if drawn < 0.15:
        body["model"] = "unheard-of" if drawn < 0.08 else "small"
    if 0.15 < drawn < 0.25:
        headers["x-leanserve-user"] = "poor"
    body["stream"] = number % 2 == 0 or 0.3 < drawn < 0.45
    async with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
        if 0.3 < drawn < 0.45:
            async for _ in answer.aiter_lines():
                break
            return
        await answer.aread()
        if answer.status_code == 404:
            told["unheard"] = told.get("unheard", 0) + 1  # refused before it was a request of anybody
        if "x-leanserve-cost-usd" in answer.headers and not body["stream"] and answer.status_code == 200:
            cost = round(float(answer.headers["x-leanserve-cost-usd"]) * 1e6)
            told[answer.headers["x-leanserve-request-id"]] = cost


def settled(running: Running) -> bool:
    """Whether nothing is under way."""
    recorder, gateway = running.gateway.stages.recorder, running.gateway
    spool = recorder._spool  # type: ignore[union-attr]
    return not (gateway._shadows._running or gateway._background._tasks or spool._open or spool.waiting)


async def kept(running: Running) -> list[LedgerRecord]:
    store = await open_store(running.redis_url, StoreSpec(timeout_s=5))
    found = [each async for each in LedgerReader(store).records("default", 0, 1e10)]
    await store.close()
    return found


def ledger_sums(records: list[LedgerRecord]) -> dict[str, int]:
    entries = [entry for each in records for entry in each.attempts]
    return {
        "requests": sum(not each.id.endswith("-shadow") for each in records),
        "attempts": len(entries),
        "input": sum(entry.input_tokens for entry in entries),
        "output": sum(entry.output_tokens for entry in entries),
        "micro_usd": sum(entry.micro_usd for entry in entries),
    }


def span_sums(running: Running) -> dict[str, int]:
    spans = [dict(span.attributes or {}) for span in running.spans.get_finished_spans()]
    attempts: list[dict[str, Any]] = [span for span in spans if "leanserve.attempt.outcome" in span]
    requests = [span for span in spans if "leanserve.request.id" in span and "leanserve.shadow" not in span]
    return {
        "requests": len(requests),
        "attempts": len(attempts),
        "input": sum(span["gen_ai.usage.input_tokens"] for span in attempts),
        "output": sum(span["gen_ai.usage.output_tokens"] for span in attempts),
        "micro_usd": sum(span["leanserve.cost.micro_usd"] for span in attempts),
    }


def metric_sums(running: Running) -> dict[str, int]:
    text = running.gateway.stages.telemetry.render()[0].decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def total(name: str, **labels: str) -> float:
        found = (each for each in samples if each.name == name)
        return sum(each.value for each in found if labels.items() <= each.labels.items())

    tokens = "gen_ai_client_token_usage_sum"
    return {
        "requests": round(total("leanserve_requests_total")),
        "attempts": round(total("leanserve_attempts_total")),
        "input": round(total(tokens, gen_ai_token_type="input")),
        "output": round(total(tokens, gen_ai_token_type="output")),
        "micro_usd": round(total("leanserve_cost_usd_total") * 1e6),
    }


async def rollup_sums(running: Running) -> dict[str, int]:
    store = await open_store(running.redis_url, StoreSpec(timeout_s=5))
    cells = await LedgerReader(store).cells("default", "model", time.time() - 86_400, time.time() + 1)
    await store.close()
    found = named(cells.by()[()])
    names = {"input": "input_tokens", "output": "output_tokens"}
    return {name: found[names.get(name, name)] for name in ("requests", "attempts", "input", "output", "micro_usd")}
