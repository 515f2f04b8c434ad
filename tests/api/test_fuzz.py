"""Whatever is sent, nothing breaks and nothing is lost: a run of schemathesis over all endpoints."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
import redis
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, Response

from app.budget.ledger import Booked, RedisBudgetLedger
from app.budget.limits import limits_for
from app.config.budgets import BudgetRule
from app.config.gateway import StoreSpec
from app.domain import Caller
from app.observe.logline import LOGGER
from app.store.client import open_store
from app.tiers import echo_journal
from tests.api.conftest import Serve
from tests.api.openapi import ADMIN, ASKING, GENERATING, Operations, document
from tests.harness import Running, eventually, tier

LOCAL = {"authorization": "Bearer local"}
LIMIT = {"tokens": 2**40, "window": "total"}
PATIENCE_S = 20


def operations_of(operations: Operations) -> list[Any]:
    """As schemathesis reads them; a document that it cannot read is a fault of the test."""
    return [each.ok() for each in schemathesis.openapi.from_dict(document(operations)).get_all_operations()]  # type: ignore[union-attr]


def cases(operations: Operations) -> st.SearchStrategy[Case[Any]]:
    """Twice as many right ones as wrong ones."""
    found = operations_of(operations)
    modes = (GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    return st.one_of(*(each.as_strategy(generation_mode=mode) for each in found for mode in modes))


def sent(running: Running, operations: Operations, examples: int) -> list[Response]:
    """The answers to so many cases, none of which may be a fault of ours; always the same cases."""
    answers: list[Response] = []

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(cases(operations))
    def send(case: Case[Any]) -> None:
        answer = case.call(base_url=running.url, headers=LOCAL, timeout=PATIENCE_S)
        assert answer.status_code < 500 or b"cache_miss" in answer.content, (case.as_curl_command(), answer.content)
        answers.append(answer)

    send()
    return answers


def embedded(answers: Sequence[Response]) -> int:
    """Tokens of embeddings."""
    bodies = [
        json.loads(each.content) for each in answers if each.status_code == 200 and b'"embedding"' in each.content
    ]
    return sum(body["usage"]["total_tokens"] for body in bodies)


async def booked(url: str) -> list[Booked]:
    """Of each tenant that has books."""
    with redis.Redis.from_url(url) as admin:
        tags = {key.decode().split("{")[1].split("}")[0] for key in admin.scan_iter("leanserve:{*}:budget:*")}
    store, rule = await open_store(url, StoreSpec(timeout_s=5)), BudgetRule.model_validate(LIMIT)
    ledger = RedisBudgetLedger(store)
    tenants = [unquote(tag) for tag in tags - {"*", "%"}]
    try:
        return [each for name in tenants for each in await ledger.booked(name, limits_for(Caller(name), [rule]))]
    finally:
        await store.close()


def paid(lines: Sequence[str]) -> dict[str, int]:
    """Tokens by request id, of those that a tier made any for, as the log tells."""
    found = [dict(pair.split("=", 1) for pair in line.split(" ") if "=" in pair) for line in lines]
    tokens = {each["id"]: int(each["in"]) + int(each["out"]) for each in found if "in" in each and "tier" in each}
    return {name: count for name, count in tokens.items() if count}


@pytest.fixture
def fuzzed(serve: Serve, tmp_path: Path) -> Running:
    """Two echo tiers that write down what they produce, and a limit on every tenant that nobody reaches."""
    tiers = [tier(name, journal=str(tmp_path), most_tokens=60) for name in ("small", "large")]
    return serve(config={"tiers": tiers}, policy={"budgets": [LIMIT]})


def test_random_requests_end_with_equal_books(
    fuzzed: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No fault, nothing held, and spent is exactly what the engines made and what was embedded."""
    answers = sent(fuzzed, GENERATING, 150)
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] > 10
    assert statuses[400] > 10
    assert eventually(lambda: not any(each.held for each in asyncio.run(booked(fuzzed.redis_url))))
    found = asyncio.run(booked(fuzzed.redis_url))
    produced = {name: each.tokens for name, each in echo_journal.read(tmp_path).items()}
    made = sum(produced.values())
    assert made > 0
    assert paid([record.getMessage() for record in caplog.records if record.name == LOGGER]) == produced
    assert sum(each.spent for each in found) == made + embedded(answers)


@pytest.mark.parametrize(("operations", "examples"), [(ASKING, 60), (ADMIN, 100)], ids=["asking", "admin"])
def test_random_requests_break_nothing(fuzzed: Running, operations: Operations, examples: int) -> None:
    """What asks, tells and rules: no fault, and the server still answers."""
    assert sent(fuzzed, operations, examples)
    assert httpx.get(f"{fuzzed.url}/v1/models", headers=LOCAL).status_code == 200
