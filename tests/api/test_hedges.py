"""Hedged answers as the official client meets them: the quicker of two engines answers, and both are paid."""

import asyncio
import time
from functools import partial
from typing import Any

import httpx
import pytest

from app.config.gateway import EchoBackend as EchoSpec
from app.config.gateway import StoreSpec
from app.domain import Chunk, Unit
from app.errors import BackendUnreachable
from app.ledger.record import LedgerRecord
from tests.api.conftest import ADMIN, BOSS, Serve, client_of
from tests.api.test_budget_stops import ASK, WORDS, plain, said, streamed, told, usage
from tests.api.test_ledger import kept, settled
from tests.fakes_backends import ScriptedBackend
from tests.fused_echo import FusedEcho, grants_in
from tests.harness import PATIENT, Running, eventually, spent_of, tier

STORE = StoreSpec.model_validate(PATIENT)
HEDGED = {"hedge": {"after_s": 0.1, "most_share": 1.0}}
NEVER_MS = 30_000.0
FROZEN, QUICK = {"time_to_first_token_ms": NEVER_MS}, {"tokens": 20}


def opened(
    serve: Serve,
    redis_url: str,
    first: dict[str, Any] | ScriptedBackend,
    second: dict[str, Any] | ScriptedBackend,
    *budgets: dict[str, Any],
    **policy: Any,
) -> Running:
    """A tier with two backends; requests are hedged."""
    two: dict[str, Any] = {**tier("small"), "max_output_tokens": 1000}
    two["backends"] *= 2
    backends = {
        name: each if isinstance(each, ScriptedBackend) else _echo(redis_url, name, each)
        for name, each in (("small/echo", first), ("small/echo-2", second))
    }
    policy = {"attempts": HEDGED, "budgets": list(budgets), "cache": {"exact": False, "semantic": False}, **policy}
    config = {"tiers": [two, tier("large")]}
    return serve(config=config, policy=policy, backends=backends, keys="default:local", admin_key=BOSS)


def _echo(redis_url: str, name: str, spec: dict[str, Any]) -> FusedEcho:
    return FusedEcho(partial(grants_in, redis_url, STORE), EchoSpec.model_validate({"kind": "echo", **spec}), name)


def recorded(running: Running) -> LedgerRecord:
    """The one record, once nothing is under way."""
    assert eventually(lambda: settled(running))
    [record] = asyncio.run(kept(running))
    return record


def roles(record: LedgerRecord) -> list[tuple[str, str, str, str]]:
    return [(each.backend, each.role, each.outcome, each.detail) for each in record.attempts]


@pytest.mark.parametrize("stream", [True, False])
def test_the_second_engine_answers_for_one_that_shows_nothing(serve: Serve, clean_redis: str, *, stream: bool) -> None:
    """The client waits for neither time-out nor fault; what the first has read is paid beside the answer."""
    running = opened(serve, clean_redis, FROZEN, QUICK, {"tokens": 10_000})
    began = time.monotonic()
    words = said(streamed(running)) if stream else plain(running)[0]["choices"][0]["message"]["content"]
    assert len(words.split()) == 20
    assert time.monotonic() - began < NEVER_MS / 1000
    record = recorded(running)
    assert roles(record) == [
        ("small/echo", "hedge", "ignored", "hedge_lost"),
        ("small/echo-2", "answer", "success", ""),
    ]
    assert (record.backend, record.outcome, record.cause, record.estimated) == ("small/echo-2", "success", "", True)
    assert (record.input_tokens, record.output_tokens) == (2 * WORDS, 20)
    assert spent_of(running, Unit.TOKENS) == record.input_tokens + record.output_tokens
    stats = [running.backends[name].stats() for name in ("small/echo", "small/echo-2")]
    assert [(each.aborted, each.active, each.produced) for each in stats] == [(1, 0, 0), (0, 0, 20)]


def test_a_first_that_begins_in_the_end_is_given(serve: Serve, clean_redis: str) -> None:
    """And the hedge is paid: its engine has read the prompt."""
    running = opened(serve, clean_redis, {"tokens": 30, "time_to_first_token_ms": 400}, FROZEN, {"tokens": 10_000})
    assert len(said(streamed(running)).split()) == 30
    record = recorded(running)
    assert roles(record) == [
        ("small/echo", "answer", "success", ""),
        ("small/echo-2", "hedge", "ignored", "hedge_lost"),
    ]
    assert (record.backend, record.outcome) == ("small/echo", "success")
    assert spent_of(running, Unit.TOKENS) == record.input_tokens + record.output_tokens == 2 * WORDS + 30


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("cascade", [True, False])
def test_a_loser_that_had_named_its_role_stops_nobody(
    serve: Serve, clean_redis: str, *, cascade: bool, stream: bool
) -> None:
    """It is ended in the middle, the answer is not: no word of a stop, and a draft is judged as ever."""
    named: Chunk = {"id": "x", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
    silent = ScriptedBackend("small/echo", [[[named], lambda: asyncio.sleep(60)]])
    routing = {"cascade": {"enabled": cascade, "streams": True}}
    running = opened(serve, clean_redis, silent, QUICK, {"tokens": 10_000}, routing=routing)
    told_usage = {"model": "auto", "stream_options": {"include_usage": True}}
    body = streamed(running, **told_usage)[-1] if stream else plain(running, model="auto")[0]
    assert "stopped" not in body["leanserve"]
    record = recorded(running)
    assert (record.outcome, record.cause, record.tier) == ("success", "", "small")
    assert [each.role for each in record.attempts] == ["hedge", "answer"]


def test_who_answers_in_time_is_not_hedged(serve: Serve, clean_redis: str) -> None:
    running = opened(serve, clean_redis, QUICK, QUICK, {"tokens": 10_000})
    streamed(running)
    assert roles(recorded(running)) == [("small/echo", "answer", "success", "")]
    assert spent_of(running, Unit.TOKENS) == WORDS + 20


def test_a_hedge_that_a_limit_has_no_room_for_is_not_made(serve: Serve, clean_redis: str) -> None:
    """The answer is: it holds what it needs already."""
    slow = {"tokens": 20, "time_to_first_token_ms": 400}
    running = opened(serve, clean_redis, slow, QUICK, {"tokens": 30}, spending={"first_stretch": 26})
    assert len(said(streamed(running)).split()) == 20
    assert roles(recorded(running)) == [("small/echo", "answer", "success", "")]
    assert spent_of(running, Unit.TOKENS) == WORDS + 20


@pytest.mark.parametrize("limit", [100, 300])
def test_two_engines_at_once_pass_no_limit(serve: Serve, clean_redis: str, limit: int) -> None:
    """The winner ends where the limit does, to the token; what the loser held it could use, and is not in its usage."""
    running = opened(serve, clean_redis, FROZEN, {"tokens": 900, "time_per_token_ms": 0.2}, {"tokens": limit})
    chunks = streamed(running)
    [choice] = chunks[-1]["choices"]
    assert (choice["finish_reason"], choice["stop_reason"]) == ("length", "budget_exceeded")
    record = recorded(running)
    assert (record.cause, [each.role for each in record.attempts]) == ("stopped", ["hedge", "answer"])
    spent = spent_of(running, Unit.TOKENS)
    assert spent == record.input_tokens + record.output_tokens
    assert limit - 64 <= spent <= limit
    assert running.backends["small/echo-2"].stats().produced == len(said(chunks).split())
    assert told(chunks[-1]) == usage(len(said(chunks).split()))


def test_a_client_that_leaves_while_both_are_silent_pays_for_both(serve: Serve, clean_redis: str) -> None:
    """Nothing stays held."""
    running = opened(serve, clean_redis, FROZEN, FROZEN, {"tokens": 10_000})
    client = client_of(running, timeout=1.0)
    with pytest.raises(Exception, match="timed out"):
        client.chat.completions.create(model="small", messages=ASK, stream=True)
    record = recorded(running)
    assert [(each.role, each.cause) for each in record.attempts] == [
        ("answer", "client_left"),
        ("hedge", "client_left"),
    ]
    assert len({each.input_tokens for each in record.attempts}) == 1
    assert record.input_tokens >= 2 * WORDS  # nobody told how long the prompt is: it is over-estimated
    assert (spent_of(running, Unit.TOKENS), record.output_tokens) == (record.input_tokens, 0)


def test_the_kill_switch_ends_both(serve: Serve, clean_redis: str) -> None:
    """The client hears why at once, though no engine has said a word."""
    running = opened(serve, clean_redis, FROZEN, FROZEN, {"tokens": 10_000})

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(base_url=running.url, timeout=20) as client:
            body, key = {"model": "small", "messages": ASK, "stream": True}, {"authorization": "Bearer local"}
            answer = asyncio.create_task(client.post("/v1/chat/completions", json=body, headers=key))
            while not all(running.backends[name].stats().active for name in ("small/echo", "small/echo-2")):
                await asyncio.sleep(0.02)
            stop = await client.post("/admin/scopes/tenant=default/stop", json={"reason": "runaway"}, headers=ADMIN)
            assert stop.status_code == 200, stop.text
            return await answer

    answer = asyncio.run(asked())
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "scope_stopped")
    record = recorded(running)
    assert [each.cause for each in record.attempts] == ["stopped", "stopped"]
    assert all(running.backends[name].stats().active == 0 for name in ("small/echo", "small/echo-2"))
    assert spent_of(running, Unit.TOKENS) == record.input_tokens + record.output_tokens


def test_who_fails_while_another_is_asked_does_not_ask_it_again(serve: Serve, clean_redis: str) -> None:
    """The hedge may yet answer: the first attempt's fail-over leaves its backend alone."""
    gone = ScriptedBackend("small/echo", [[lambda: asyncio.sleep(0.3), BackendUnreachable("gone")]])
    running = opened(serve, clean_redis, gone, {"tokens": 20, "time_to_first_token_ms": 600}, {"tokens": 10_000})
    assert len(said(streamed(running)).split()) == 20
    record = recorded(running)
    asked = [(each.backend, each.role) for each in record.attempts]
    assert asked == [("small/echo", "retry"), ("small/echo-2", "answer")]


def test_where_the_hedge_fails_too_the_next_tier_is_asked(serve: Serve, clean_redis: str) -> None:
    """Each backend once."""
    gone = BackendUnreachable("gone")
    first = ScriptedBackend("small/echo", [[lambda: asyncio.sleep(0.3), gone]])
    second = ScriptedBackend("small/echo-2", [[lambda: asyncio.sleep(0.4), gone]])
    running = opened(serve, clean_redis, first, second, {"tokens": 10_000})
    assert said(streamed(running, model="auto"))
    record = recorded(running)
    asked = {(each.backend, each.role, each.outcome) for each in record.attempts}
    assert asked == {
        ("small/echo", "retry", "failed"),
        ("small/echo-2", "hedge", "failed"),
        ("large/echo", "answer", "success"),
    }
    assert spent_of(running, Unit.TOKENS) == record.input_tokens + record.output_tokens


@pytest.mark.parametrize("sure", [True, False])
def test_a_first_answer_of_a_cascade_is_hedged_too(serve: Serve, clean_redis: str, *, sure: bool) -> None:
    """Kept or not, the draft is that of the engine that began; the loser is paid beside both."""
    cascade = {"routing": {"cascade": {"enabled": True}}}
    quick = {"tokens": 20} if sure else {"tokens": 2000}  # cut at the maximum it looks unsure
    running = opened(serve, clean_redis, FROZEN, quick, {"tokens": 100_000}, **cascade)
    body, _ = plain(running, model="auto")
    record = recorded(running)
    assert body["choices"][0]["message"]["content"]
    first = ("small/echo", "hedge")
    second = [("small/echo-2", "answer")] if sure else [("small/echo-2", "draft"), ("large/echo", "answer")]
    wanted = [first, *second]
    assert [(each.backend, each.role) for each in record.attempts] == wanted
    assert record.backend == wanted[-1][0]
    assert spent_of(running, Unit.TOKENS) == record.input_tokens + record.output_tokens


@pytest.mark.parametrize(
    ("model", "headers", "share"),
    [
        pytest.param("small", {"x-leanserve-lane": "batch"}, 1.0, id="nobody waits in the batch lane"),
        pytest.param("large", {}, 1.0, id="a tier with one backend has nobody to ask"),
    ],
)
def test_what_is_not_hedged(serve: Serve, clean_redis: str, model: str, headers: dict[str, str], share: float) -> None:
    """It waits for its first attempt, and earns no hedge for others."""
    slow = {"tokens": 20, "time_to_first_token_ms": 300}
    running = opened(serve, clean_redis, slow, QUICK, {"tokens": 10_000})
    running.backends["large/echo"]._spec = EchoSpec.model_validate({"kind": "echo", **slow})
    streamed(running, model=model, extra_headers=headers)
    assert [each.role for each in recorded(running).attempts] == ["answer"]


def test_no_more_than_a_share_of_the_requests_is_hedged(serve: Serve, clean_redis: str) -> None:
    """The first has one to its name; the next would need ten requests before it."""
    slow = {"tokens": 2, "time_to_first_token_ms": 250}
    attempts = {"hedge": {"after_s": 0.05, "most_share": 0.1}}
    running = opened(serve, clean_redis, slow, QUICK, {"tokens": 10_000}, attempts=attempts)
    for number in range(4):
        asked: Any = [{"role": "user", "content": f"tell me of rain {number}"}]
        streamed(running, messages=asked)
    assert eventually(lambda: settled(running))
    found = asyncio.run(kept(running))
    assert sorted(len(each.attempts) for each in found) == [1, 1, 1, 2]


def test_a_hedge_where_no_limit_binds_asks_no_books(serve: Serve, clean_redis: str) -> None:
    """It is recorded all the same."""
    running = opened(serve, clean_redis, FROZEN, QUICK)
    assert len(said(streamed(running)).split()) == 20
    record = recorded(running)
    assert [each.role for each in record.attempts] == ["hedge", "answer"]
    assert record.micro_usd == sum(each.micro_usd for each in record.attempts) == 2 * WORDS + 2 * 20
