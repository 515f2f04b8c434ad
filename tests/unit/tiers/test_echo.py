"""The echo backend: deterministic, paced, counted. (What all backends share is in tests/contract.)"""

import asyncio

import pytest

from app.config.gateway import EchoBackend as Spec
from app.domain import BackendCall
from app.tiers.echo import EchoBackend, EchoStats
from tests.fakes_backends import chat, completion


def echo(**spec: float) -> EchoBackend:
    return EchoBackend(Spec.model_validate({"kind": "echo", **spec}), "small/echo")


async def answer(backend: EchoBackend, call: BackendCall) -> str:
    [[body]] = [batch async for batch in backend.send(call)]
    [choice] = body["choices"]
    return str(choice["text"] if "text" in choice else choice["message"]["content"])


async def test_equal_calls_get_equal_answers() -> None:
    """To the byte, id included."""
    backend = echo()
    first, second = [[batch async for batch in backend.send(chat(stream=True))] for _ in range(2)]
    assert first == second


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (chat("a b"), "a b a"),
        (chat(""), "echo echo echo"),
        (completion("a b"), "a b a"),
        (completion(["a", "b"]), "a b a"),
        (completion([1, 2]), "1 2 1"),
        (BackendCall("r", "chat", {"messages": [{"role": "system", "content": "x"}]}), "echo echo echo"),
        (
            BackendCall(
                "r",
                "chat",
                {
                    "messages": [
                        {"role": "user", "content": "old"},
                        {"role": "user", "content": [{"type": "text", "text": "new"}, {"type": "image_url"}]},
                        {"role": "assistant", "content": None, "tool_calls": []},
                    ]
                },
            ),
            "new new new",
        ),
    ],
)
async def test_what_is_echoed(call: BackendCall, said: str) -> None:
    """The last user message's words, or the prompt's, over and over; `echo` where there are none."""
    assert await answer(echo(tokens=3), call) == said


async def test_the_pace_does_not_drift() -> None:
    """A slow reader gets together what came due meanwhile, and the whole takes no longer."""
    backend, now = echo(tokens=20, time_to_first_token_ms=20, time_per_token_ms=5), asyncio.get_running_loop().time
    started, batches = now(), 0
    async for _ in backend.send(chat(stream=True)):
        batches += 1
        await asyncio.sleep(0.02)
    assert 0.02 + 19 * 0.005 <= now() - started < 0.3
    assert batches < 15


async def test_the_first_token_comes_alone() -> None:
    """With its role, before any other: time to first token is not the burst's."""
    first, *rest = [batch async for batch in echo(tokens=200).send(chat("a", stream=True))]
    assert [chunk["choices"][0]["delta"] for chunk in first] == [{"role": "assistant", "content": ""}, {"content": "a"}]
    assert max(map(len, rest)) <= 65


async def test_stats_count() -> None:
    """Started, active, aborted, produced."""
    backend = echo(tokens=4, time_per_token_ms=1)
    await answer(backend, chat())
    stream = backend.send(chat(stream=True))
    await anext(stream)
    assert backend.stats() == EchoStats(started=2, active=1, aborted=0, produced=5)
    await stream.aclose()
    assert backend.stats() == EchoStats(started=2, active=0, aborted=1, produced=5)
