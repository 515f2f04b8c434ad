"""Hard limits as the official client meets them: answers that end in the middle, refusals, waiting, the kill switch."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import pytest

from app.budget.stops import RedisStops
from app.config.gateway import StoreSpec
from app.domain import Caller, Scope, Unit
from app.store.client import open_store
from tests.api.conftest import Serve, client_of
from tests.fakes import FakeEmbedder
from tests.harness import PRICES, Running, eventually, spent_of, tier

ASK: Any = [{"role": "user", "content": "tell me of rain"}]
WORDS = 4
"""Its input tokens: an echo counts words."""
PATHS = {"chat": "/v1/chat/completions", "text": "/v1/completions"}


def opened(serve: Serve, *budgets: dict[str, Any], echo: dict[str, Any] | None = None, **policy: Any) -> Running:
    """Tiers that say a thousand words, one after the other, under these limits."""
    tiers = [
        {**tier(name, **{"tokens": 1000, "time_per_token_ms": 0.2, **(echo or {})}), "max_output_tokens": 1000}
        for name in ("small", "large")
    ]
    return serve(config={"tiers": tiers}, policy={"budgets": list(budgets), **policy})


def streamed(running: Running, **options: Any) -> list[dict[str, Any]]:
    """The chunks of a stream."""
    options = {"model": "small", "messages": ASK, "stream": True, **options}
    return [chunk.model_dump() for chunk in client_of(running).chat.completions.create(**options)]


def plain(running: Running, **options: Any) -> tuple[dict[str, Any], Any]:
    """A whole answer and its headers."""
    options = {"model": "small", "messages": ASK, **options}
    raw = client_of(running).chat.completions.with_raw_response.create(**options)
    return raw.parse().model_dump(), raw.headers


def said(chunks: list[dict[str, Any]]) -> str:
    deltas = (choice["delta"] for chunk in chunks for choice in chunk["choices"])
    return "".join(delta.get("content") or "" for delta in deltas)


def usage(output: int) -> tuple[int, int, int]:
    return WORDS, output, WORDS + output


def told(body: dict[str, Any]) -> tuple[int, int, int]:
    """The usage of a body or chunk."""
    return tuple(body["usage"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens"))


LIMITS = [
    pytest.param({"tokens": 100}, Unit.TOKENS, 96, id="tokens"),
    pytest.param({"tokens": 300}, Unit.TOKENS, 296, id="tokens after some extensions"),
    pytest.param({"output_tokens": 70}, Unit.OUTPUT_TOKENS, 70, id="output tokens"),
    pytest.param({"usd": "0.000200"}, Unit.MICRO_USD, 98, id="dollars"),
]


@pytest.mark.parametrize("asked", [{}, {"max_tokens": 900}], ids=["unbounded", "bounded"])
@pytest.mark.parametrize("pace", [0, 0.2])
@pytest.mark.parametrize(("limit", "unit", "output"), LIMITS)
def test_a_stream_ends_cleanly_at_the_last_token_that_fits(
    serve: Serve, limit: dict[str, Any], unit: Unit, output: int, pace: float, asked: dict[str, Any]
) -> None:
    """All that the limit leaves is delivered and booked, not one token more; the engine stops, the end says why."""
    running = opened(serve, limit, echo={"time_per_token_ms": pace})
    chunks = streamed(running, **asked)
    assert len(said(chunks).split()) == output
    last = chunks[-1]
    [choice] = last["choices"]
    assert (choice["finish_reason"], choice["stop_reason"]) == ("length", "budget_exceeded")
    assert told(last) == usage(output)
    assert last["leanserve"]["stopped"]["code"] == "budget_exceeded"
    assert last["leanserve"]["stopped"]["limit"]["unit"] == unit
    [amount] = [each.amount for each in running.gateway.spending.limits(Caller())]
    assert spent_of(running, unit) == amount
    stats = running.backends["small/echo"].stats()
    assert (stats.aborted, stats.active) == (1, 0)


@pytest.mark.parametrize(("limit", "unit", "output"), LIMITS)
def test_a_plain_answer_ends_there_too(serve: Serve, limit: dict[str, Any], unit: Unit, output: int) -> None:
    """What was made until then is the answer, with its cause in a header as well."""
    running = opened(serve, limit)
    body, headers = plain(running)
    [choice] = body["choices"]
    assert len(choice["message"]["content"].split()) == output
    assert (choice["finish_reason"], choice["stop_reason"]) == ("length", "budget_exceeded")
    assert told(body) == usage(output)
    assert headers["x-leanserve-stopped"] == body["leanserve"]["stopped"]["code"] == "budget_exceeded"
    [amount] = [each.amount for each in running.gateway.spending.limits(Caller())]
    assert spent_of(running, unit) == amount


def test_who_asked_for_usage_gets_it_in_a_last_chunk(serve: Serve) -> None:
    """As in any stream: no choices, the usage of what was delivered."""
    running = opened(serve, {"tokens": 100})
    chunks = streamed(running, stream_options={"include_usage": True})
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert (chunks[-1]["choices"], told(chunks[-1])) == ([], usage(96))
    assert all(not chunk.get("usage") for chunk in chunks[:-1])


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_reaches_its_sessions_limit_says_so(serve: Serve, *, stream: bool) -> None:
    """Not a budget that an operator would raise: the session policy, in the words of every other step that it stops."""
    running = opened(serve, sessions={"max_tokens": 100})
    ask: Any = {"extra_headers": {"x-leanserve-session": "s1"}}
    last = streamed(running, **ask)[-1] if stream else plain(running, **ask)[0]
    assert told(last) == usage(96)
    assert last["choices"][0]["stop_reason"] == last["leanserve"]["stopped"]["code"] == "session_stopped"
    assert "sessions.max_tokens, 100 tokens" in last["leanserve"]["stopped"]["message"]


def test_a_stop_of_a_session_ends_the_sessions_below_it(serve: Serve) -> None:
    """Agents begin agents: what runs below is ended while it streams, and takes no further step; others go on."""
    running = opened(serve, {"tokens": 10**9}, echo={"time_per_token_ms": 2})
    below = {"x-leanserve-session": "child", "x-leanserve-parent-session": "parent"}
    first: Any = client_of(running).chat.completions.create(
        model="small", messages=ASK, stream=True, extra_headers=below
    )
    next(first)
    switch(running, Scope("default", (("session", "parent"),)), on=True)
    assert [*first][-1].model_dump()["leanserve"]["stopped"]["code"] == "scope_stopped"
    with pytest.raises(openai.PermissionDeniedError) as refused:
        plain(running, extra_headers=below)
    assert refused.value.body["code"] == "scope_stopped"  # type: ignore[index]
    plain(running, max_tokens=2, extra_headers={"x-leanserve-session": "other"})


def test_several_choices_end_together(serve: Serve) -> None:
    """They share what is left."""
    running = opened(serve, {"tokens": 100})
    body, _ = plain(running, n=3)
    assert [choice["finish_reason"] for choice in body["choices"]] == ["length"] * 3
    delivered = sum(len(choice["message"]["content"].split()) for choice in body["choices"])
    assert (delivered, told(body)) == (96, usage(96))
    assert spent_of(running, Unit.TOKENS) == 100


def test_a_text_completion_ends_cleanly(serve: Serve) -> None:
    """The older endpoint, streamed and whole."""
    for stream in (False, True):
        running = opened(serve, {"tenant": f"s{stream}", "tokens": 100})
        answer: Any = client_of(running).completions.create(
            model="small", prompt="a b c d", stream=stream, extra_headers={"x-leanserve-tenant": f"s{stream}"}
        )
        parts = [each.model_dump() for each in answer] if stream else [answer.model_dump()]
        text = "".join(choice["text"] for part in parts for choice in part["choices"])
        assert len(text.split()) == 96
        assert parts[-1]["choices"][0]["finish_reason"] == "length"
        assert told(parts[-1]) == usage(96)


def test_nothing_is_called_when_nothing_is_left(serve: Serve) -> None:
    """The next request is refused before an engine hears of it, and is told when to come again."""
    running = opened(serve, {"tokens": 100, "window": "day"})
    plain(running)
    with pytest.raises(openai.RateLimitError) as refused:
        plain(running)
    assert refused.value.code == "budget_exceeded"
    headers = refused.value.response.headers
    assert int(headers["retry-after"]) > 0
    assert headers["x-leanserve-budget-remaining-tokens"] == "0"
    assert int(headers["x-leanserve-budget-reset"]) > 0
    assert "0 left, at least " in refused.value.message
    assert running.backends["small/echo"].stats().started == 1
    assert spent_of(running, Unit.TOKENS) == 100


def test_what_is_left_is_used(serve: Serve) -> None:
    """Though the input, by the most that it may be, is more than that."""
    running = opened(serve, {"tokens": 100})
    assert told(plain(running, max_tokens=46)[0]) == usage(46)
    body, headers = plain(running, messages=[{"role": "user", "content": "a b c d"}])
    assert (told(body), headers["x-leanserve-stopped"]) == (usage(46), "budget_exceeded")
    assert spent_of(running, Unit.TOKENS) == 100


def test_a_cut_answer_is_nobody_elses(serve: Serve) -> None:
    """It is not cached: who asks again, and may spend more, gets the whole one."""
    running = opened(serve, {"feature": "poor", "tokens": 100})
    _, headers = plain(running, extra_headers={"x-leanserve-feature": "poor"})
    assert headers["x-leanserve-stopped"] == "budget_exceeded"
    body, headers = plain(running, max_tokens=None, extra_headers={"x-leanserve-feature": "rich"})
    assert headers["x-leanserve-cache"] == "miss"
    assert "x-leanserve-stopped" not in headers
    assert told(body) == usage(1000)


@pytest.mark.parametrize("option", [{"echo": True}, {"best_of": 2}])
def test_what_cannot_be_ended_in_the_middle_is_held_whole(serve: Serve, option: dict[str, Any]) -> None:
    """Refused where the worst of it does not fit, else asked as one body."""
    running = opened(serve, {"tokens": 100})
    body = {"model": "small", "prompt": "a b c d", **option}
    refused = httpx.post(f"{running.url}/v1/completions", json={**body, "max_tokens": 97})
    assert refused.status_code == 429
    assert running.backends["small/echo"].stats().started == 0
    answer = httpx.post(f"{running.url}/v1/completions", json={**body, "max_tokens": 40})
    assert answer.status_code == 200
    assert told(answer.json()) == usage(40)


def test_so_many_requests_and_no_more(serve: Serve) -> None:
    """Whatever they cost; hits of the cache ask for no answer, and count none."""
    running = opened(serve, {"requests": 2}, echo={"tokens": 3})
    for number in range(2):
        plain(running, messages=[{"role": "user", "content": f"question {number}"}])
    with pytest.raises(openai.RateLimitError) as refused:
        plain(running, messages=[{"role": "user", "content": "one more"}])
    assert refused.value.body["limit"]["unit"] == "requests"  # type: ignore[index]
    assert eventually(
        lambda: plain(running, messages=[{"role": "user", "content": "question 1"}])[1]["x-leanserve-cache"] == "exact"
    )
    assert spent_of(running, Unit.REQUESTS) == 2


@contextmanager
def streaming(running: Running, content: str = "a long story") -> Iterator[openai.Stream[Any]]:
    """A stream under way, of which the first word has come."""
    ask: Any = [{"role": "user", "content": content}]
    with client_of(running).chat.completions.create(model="small", messages=ask, stream=True) as stream:
        next(stream)
        yield stream


SLOW = {"time_per_token_ms": 10}


@pytest.mark.parametrize("before", [[], [{"tokens": 5_000}]], ids=["the first limit", "one more limit"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_limit_that_is_new_counts_what_is_under_way(
    serve: Serve, before: list[dict[str, Any]], *, stream: bool
) -> None:
    """Who began without it, and never asks for more, is paid under it all the same, and holds nothing afterwards."""
    running = opened(serve, *before, echo={"tokens": 16, "time_per_token_ms": 80})
    asked = threading.Thread(target=streamed if stream else plain, args=(running,))
    asked.start()
    assert eventually(lambda: running.backends["small/echo"].stats().active == 1)
    new = [*before, {"output_tokens": 1_000}]
    running.gateway.reconfigure(running.gateway.policy.model_validate({"budgets": new, "prices": PRICES}))
    asked.join()
    assert spent_of(running, Unit.OUTPUT_TOKENS) == 16
    if before:
        assert spent_of(running, Unit.TOKENS) == WORDS + 16


def test_so_many_at_once_and_no_more(serve: Serve) -> None:
    """One that ended, or whose client left, makes room."""
    running = opened(serve, {"concurrent": 1}, echo=SLOW)
    with streaming(running):
        with pytest.raises(openai.RateLimitError) as refused:
            plain(running)
        assert refused.value.code == "budget_exceeded"
        assert refused.value.response.headers["retry-after"] == "1"
        assert refused.value.body["limit"]["window"] is None  # type: ignore[index]
    spent_of(running, Unit.CONCURRENT)
    assert told(plain(running, max_tokens=2)[0]) == usage(2)


@pytest.mark.parametrize(("wait_s", "status"), [(5, 200), (0, 429)])
def test_what_others_hold_in_vain_keeps_nobody_out_for_long(serve: Serve, wait_s: float, status: int) -> None:
    """The first holds all that is left, and needs two tokens: who comes meanwhile waits for the rest, and is served."""
    echo = {"tokens": 2, "time_to_first_token_ms": 600}
    running = opened(serve, {"tokens": 50}, echo=echo, spending={"wait_for_held_s": wait_s})
    first = threading.Thread(target=plain, args=(running,))
    first.start()
    assert eventually(lambda: running.backends["small/echo"].stats().active == 1)
    body = {"model": "small", "messages": [{"role": "user", "content": "who comes meanwhile"}], "max_tokens": 60}
    assert httpx.post(f"{running.url}/v1/chat/completions", json=body).status_code == status
    first.join()


def test_who_is_throttled_waits_for_its_turn(serve: Serve) -> None:
    """All are answered, and the engine never had two."""
    running = opened(
        serve, {"concurrent": 1, "on_limit": "throttle"}, echo={"time_to_first_token_ms": 200, "tokens": 2}
    )
    stats, peak, done = running.backends["small/echo"].stats, [0], threading.Event()

    def look() -> None:
        while not done.wait(0.01):
            peak.append(stats().active)

    watching = threading.Thread(target=look)
    watching.start()

    async def ask(number: int) -> int:
        async with httpx.AsyncClient(timeout=30) as client:
            body = {"model": "small", "messages": [{"role": "user", "content": f"number {number}"}]}
            return (await client.post(f"{running.url}{PATHS['chat']}", json=body)).status_code

    async def ask_all() -> list[int]:
        return await asyncio.gather(*map(ask, range(4)))

    assert asyncio.run(ask_all()) == [200] * 4
    done.set()
    watching.join()
    assert max(peak) == 1
    assert stats().started == 4


@pytest.mark.parametrize("bound", [{"max_wait_s": 0.2}, {"max_waiting": 0}])
def test_throttling_has_an_end(serve: Serve, bound: dict[str, Any]) -> None:
    """Whose time is over, or who finds the queue full, is refused."""
    throttled = {"concurrent": 1, "on_limit": "throttle"}
    running = opened(serve, throttled, echo=SLOW, spending={"throttle": bound})
    with streaming(running), pytest.raises(openai.RateLimitError):
        plain(running)


@pytest.mark.parametrize("options", [{}, {"n": 2}])
def test_who_used_up_what_they_hold_do_not_wait_for_each_other(serve: Serve, options: dict[str, Any]) -> None:
    """All of it is spent, though none of them ended: they stop at once, and so does who waits at the door.

    Each counted what the others held as what may come back, and waited for as long as the policy says.
    """
    limit = {"tokens": 801}
    patient = {"wait_for_held_s": 60}
    running = opened(serve, limit, echo={"time_per_token_ms": 1}, spending=patient)

    async def ask(number: int) -> httpx.Response:
        body = {"model": "small", "messages": [{"role": "user", "content": f"number {number}"}], **options}
        async with httpx.AsyncClient(timeout=90) as client:
            return await client.post(f"{running.url}{PATHS['chat']}", json=body)

    async def ask_all() -> list[httpx.Response]:
        return await asyncio.gather(*map(ask, range(30)))

    began = time.monotonic()
    answers = asyncio.run(ask_all())
    assert time.monotonic() - began < patient["wait_for_held_s"] / 2
    assert {answer.status_code for answer in answers} == {200, 429}
    assert 795 < spent_of(running, Unit.TOKENS) <= 801


class SlowEmbedder(FakeEmbedder):
    """A fake embedder that takes its time."""

    async def embed(self, texts: Sequence[str], *, bulk: bool = False) -> list[bytes]:
        await asyncio.sleep(1)
        return await super().embed(texts, bulk=bulk)


@pytest.mark.parametrize(("action", "status"), [("downgrade", 200), ("reject", 429)])
def test_what_does_not_fit_goes_to_a_cheaper_tier(serve: Serve, action: str, status: int) -> None:
    """Where the policy says so: what others took while the request was routed leaves the best tier no token.

    Who asks the same later is not given the lesser answer.
    """
    budget = {"usd": "0.001355", "on_limit": action}
    tiers = [tier("small"), tier("large", time_to_first_token_ms=2500)]
    patience = {"stage_timeout_s": 5, "spending": {"wait_for_held_s": 0}}
    running = serve(config={"tiers": tiers}, policy={"budgets": [budget], **patience}, embedder=SlowEmbedder())

    async def ask(client: httpx.AsyncClient, wait_s: float, **body: Any) -> httpx.Response:
        await asyncio.sleep(wait_s)
        return await client.post(f"{running.url}{PATHS['chat']}", json=body)

    async def both() -> tuple[httpx.Response, httpx.Response]:
        hard = [{"role": "user", "content": "hard question"}]
        async with httpx.AsyncClient(timeout=30) as client:
            asked = ask(client, 0, model="auto", messages=hard, max_tokens=10)
            taken = ask(client, 0.4, model="large", messages=[{"role": "user", "content": "`a b c d`"}])
            answer, _ = await asyncio.gather(asked, taken)
            return answer, await ask(client, 0.2, model="auto", messages=hard, max_tokens=10)

    answer, again = asyncio.run(both())
    assert again.headers["x-leanserve-cache"] == "miss"
    assert answer.status_code == status
    if status == 200:
        assert answer.headers["x-leanserve-tier"] == "small"
        assert answer.headers["x-leanserve-route-reason"] == "budget: downgraded"


def switch(running: Running, scope: Scope, *, on: bool) -> None:
    """Stop a scope, or let it go on, from beside."""

    async def turn() -> None:
        store = await open_store(running.redis_url, StoreSpec(timeout_s=5))
        stops = RedisStops(store)
        try:
            await (stops.stop(scope, "runaway agent") if on else stops.resume(scope))
        finally:
            await store.close()

    asyncio.run(turn())


def test_a_stopped_scope_is_refused_and_let_go_on(serve: Serve) -> None:
    """Nothing is called for it, by any of its requests; others go on; it is not asked to try again."""
    running = opened(serve, {"tokens": 100_000}, echo={"tokens": 2})
    faq, other = ({"x-leanserve-feature": name} for name in ("faq", "other"))
    scope = Scope("default", (("feature", "faq"),))
    switch(running, scope, on=True)
    with pytest.raises(openai.PermissionDeniedError) as refused:
        plain(running, extra_headers=faq)
    assert refused.value.code == "scope_stopped"
    assert "runaway agent" in refused.value.message
    assert "retry-after" not in refused.value.response.headers
    assert running.backends["small/echo"].stats().started == 0
    plain(running, extra_headers=other)
    switch(running, scope, on=False)
    assert eventually(lambda: _answers(running, faq))


def _answers(running: Running, headers: dict[str, str]) -> bool:
    try:
        plain(running, extra_headers=headers)
    except openai.PermissionDeniedError:
        return False
    return True


def test_a_live_stream_of_a_stopped_scope_ends_within_a_second(serve: Serve) -> None:
    """Cleanly: the words until then, why, and their usage, which is what was booked."""
    running = opened(serve, {"tokens": 100_000}, echo={"time_per_token_ms": 20})
    with streaming(running) as stream:
        switch(running, Scope("default"), on=True)
        began = time.monotonic()
        chunks = [chunk.model_dump() for chunk in stream]
        assert time.monotonic() - began < 2  # a second, and a busy machine
    last = chunks[-1]
    assert last["choices"][0]["finish_reason"] == "length"
    assert last["choices"][0]["stop_reason"] == last["leanserve"]["stopped"]["code"] == "scope_stopped"
    assert last["usage"]["total_tokens"] == spent_of(running, Unit.TOKENS)
    assert running.backends["small/echo"].stats().active == 0


def test_a_plain_answer_whose_client_leaves_pays_what_was_made(serve: Serve) -> None:
    """Not nothing, and not all that it might have become."""
    running = opened(serve, {"tokens": 100_000}, echo={"time_per_token_ms": 10})
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{running.url}{PATHS['chat']}", json={"model": "small", "messages": ASK}, timeout=0.6)
    assert eventually(lambda: running.backends["small/echo"].stats().aborted == 1)
    spent, produced = spent_of(running, Unit.TOKENS), running.backends["small/echo"].stats().produced
    assert WORDS < spent <= WORDS + produced < 500


def test_headers_say_what_is_left(serve: Serve) -> None:
    """Of the tightest limits, after a plain answer, and with what is held before a stream; a hit knows it too."""
    day, hour = {"tokens": 10_000, "usd": "1"}, {"feature": "*", "tokens": 1_000, "window": "hour"}
    running = opened(serve, day, hour, echo={"tokens": 6})
    _, headers = plain(running)
    assert headers["x-leanserve-budget-remaining-tokens"] == str(1_000 - WORDS - 6)
    assert headers["x-leanserve-budget-remaining-usd"] == f"{1 - 16e-6:.6f}"
    assert 0 < int(headers["x-leanserve-budget-reset"]) <= 3600
    assert eventually(lambda: plain(running)[1]["x-leanserve-cache"] == "exact")
    _, hit = plain(running)
    assert hit["x-leanserve-budget-remaining-tokens"] == str(1_000 - WORDS - 6)
    streams = client_of(running).chat.completions.with_raw_response.create(
        model="small", messages=[{"role": "user", "content": "another"}], stream=True
    )
    assert 0 < int(streams.headers["x-leanserve-budget-remaining-tokens"]) < 1_000 - WORDS - 6
    assert "x-leanserve-budget-remaining-usd" in streams.headers
    list(streams.parse())


def test_no_limits_no_headers(serve: Serve) -> None:
    """There is nothing to say."""
    running = opened(serve, echo={"tokens": 2})
    _, headers = plain(running)
    assert not [name for name in headers if name.startswith("x-leanserve-budget")]
