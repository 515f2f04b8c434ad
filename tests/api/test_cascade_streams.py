"""Cascades of streams, and of requests that share an answer: never a word of two answers."""

import asyncio
from typing import Any

import pytest
from openai import APIError, AsyncOpenAI

from app.errors import BackendUnreachable
from tests.api.conftest import Serve, client_of
from tests.fakes_answers import COST, streamed
from tests.fakes_backends import ScriptedBackend
from tests.harness import Running

ASK: Any = [{"role": "user", "content": "how high is the Zugspitze?"}]
FRESH = {"x-leanserve-cache": "no-cache, no-store"}


def opened(serve: Serve, small: Any, large: Any, *, streams: bool = True) -> Running:
    """A gateway whose small tier plays `small` and whose large one plays `large`."""
    scripts = {"small/echo": small, "large/echo": large}
    backends = {name: ScriptedBackend(name, [script]) for name, script in scripts.items()}
    return serve(backends=backends, policy={"routing": {"cascade": {"enabled": True, "streams": streams}}})


def called(running: Running) -> tuple[int, int]:
    return len(running.backends["small/echo"].calls), len(running.backends["large/echo"].calls)


def read(running: Running, lane: str = "interactive") -> tuple[str, Any, list[Any]]:
    """Text, headers and chunks of a stream."""
    raw = client_of(running).chat.completions.with_raw_response.create(
        model="auto",
        messages=ASK,
        stream=True,
        stream_options={"include_usage": True},
        extra_headers={"x-leanserve-lane": lane, **FRESH},
    )
    chunks: list[Any] = list(raw.parse())
    return "".join(each.choices[0].delta.content or "" for each in chunks if each.choices), raw.headers, chunks


def test_a_person_who_reads_along_does_not_wait(serve: Serve) -> None:
    """An interactive stream is not held back unless the policy says so; a batch job's is."""
    running = opened(serve, *_streams("unsure"), streams=False)
    words, headers, _ = read(running)
    assert words == "7 m"
    assert "x-leanserve-cascade" not in headers
    assert called(running) == (1, 0)
    words, headers, _ = read(running, "batch")
    assert words == "2962 m"
    assert headers["x-leanserve-cascade"] == "escalated:confidence"
    assert called(running) == (2, 1)


def _streams(small: str) -> tuple[Any, Any]:
    return streamed("7 ", "m", p=0.9 if small == "sure" else 0.2), streamed("2962 ", "m")


def test_streams_by_policy(serve: Serve) -> None:
    """The first answer whole or the second: never a word of both, and no log-probabilities; both are paid."""
    words, headers, chunks = read(opened(serve, *_streams("sure")))
    assert (words, headers["x-leanserve-cascade"], headers["x-leanserve-tier"]) == ("7 m", "kept", "small")
    assert all(chunk.choices[0].logprobs is None for chunk in chunks if chunk.choices)
    assert chunks[-1].model_dump()["leanserve"]["cost_usd"] == COST["small"] / 1e6
    words, headers, chunks = read(opened(serve, *_streams("unsure")))
    assert (words, headers["x-leanserve-cascade"]) == ("2962 m", "escalated:confidence")
    assert headers["x-leanserve-tier"] == "large"
    assert chunks[-1].model_dump()["leanserve"]["cost_usd"] == (COST["small"] + COST["large"]) / 1e6
    assert chunks[-1].usage.completion_tokens == 4


def test_a_stream_that_cannot_escalate_shows_its_first_answer(serve: Serve) -> None:
    """As long as nothing of the second was shown; what breaks off later is an error, as ever."""
    words, headers, _ = read(opened(serve, _streams("unsure")[0], [BackendUnreachable("gone")]))
    assert (words, headers["x-leanserve-cascade"]) == ("7 m", "kept:confidence")
    broken = [*streamed("2962 ", "m")[:2], BackendUnreachable("gone")]
    with pytest.raises(APIError, match="gone"):
        read(opened(serve, _streams("unsure")[0], broken))


def test_who_shares_the_answer_sees_the_one_that_is_given(serve: Serve) -> None:
    """Five at once, plain and streaming: one call of each tier, and nobody sees the first answer."""
    slow = [lambda: asyncio.sleep(0.3), *_streams("unsure")[0]]
    running = opened(serve, slow, _streams("unsure")[1])

    async def stream() -> str:
        client = AsyncOpenAI(base_url=f"{running.url}/v1", api_key="local", max_retries=0)
        parts = await client.chat.completions.create(model="auto", messages=ASK, stream=True)
        return "".join([part.choices[0].delta.content or "" async for part in parts if part.choices])

    async def plain() -> str:
        await asyncio.sleep(0.1)  # the stream leads: a scripted backend says the same whatever is asked
        client = AsyncOpenAI(base_url=f"{running.url}/v1", api_key="local", max_retries=0)
        given = await client.chat.completions.create(model="auto", messages=ASK)
        return given.choices[0].message.content or ""

    async def all_at_once() -> list[str]:
        return list(await asyncio.gather(stream(), plain(), stream(), plain(), stream()))

    assert asyncio.run(all_at_once()) == ["2962 m"] * 5
    assert called(running) == (1, 1)
