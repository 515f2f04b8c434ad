"""Every local `Backend` answers alike: the echo, and an upstream over real HTTP (a fake upstream that echoes)."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
import uvicorn

from app.config.gateway import EchoBackend as EchoSpec
from app.config.gateway import OpenAIBackend as UpstreamSpec
from app.cost.usage import read_usage
from app.domain import BackendCall, Chunk, Usage
from app.ports import Backend
from app.tiers.echo import EchoBackend
from app.tiers.openai_upstream import OpenAIBackend
from tests.fakes_backends import chat, completion, fake_upstream
from tests.quick_server import QuickServer

STREAM: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


@dataclass
class Subject:
    """A backend, and the engine whose work it must stop."""

    backend: Backend
    engine: EchoBackend

    async def chunks(self, call: BackendCall) -> list[Chunk]:
        return [chunk async for batch in self.backend.send(call) for chunk in batch]

    def closing(self, call: BackendCall) -> aclosing[AsyncGenerator[list[Chunk], None]]:
        return aclosing(self.backend.send(call))


@asynccontextmanager
async def _served(engine: EchoBackend) -> AsyncIterator[str]:
    """The address of a fake upstream that runs on this loop, on a free port of 127.0.0.1."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = QuickServer(uvicorn.Config(fake_upstream(engine), log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve([listening]))
        try:
            await _until(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            await serving


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # the other side of a socket sets no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def _opened(kind: str, **spec: Any) -> AsyncIterator[Subject]:
    engine = EchoBackend(EchoSpec(kind="echo", **spec), "small/echo")
    if kind == "echo":
        yield Subject(engine, engine)
        return
    async with _served(engine) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        upstream = OpenAIBackend(
            UpstreamSpec(kind="openai", base_url=url, model="m", provider="vllm"), "small/openai", client
        )
        yield Subject(upstream, engine)


@pytest.fixture(params=["echo", "openai"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which implementation."""
    return str(request.param)


@pytest.fixture
async def subject(kind: str) -> AsyncIterator[Subject]:
    """The backend at full speed, eight tokens an answer."""
    async with _opened(kind, tokens=8) as opened:
        yield opened


def _joined(chunks: list[Chunk], index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]
    return "".join(choice.get("text") or choice.get("delta", {}).get("content") or "" for choice in choices)


async def test_a_plain_chat_is_one_batch_of_one_body(subject: Subject) -> None:
    """Not streamed: one batch, one body, with message, finish reason and usage."""
    batches = [batch async for batch in subject.backend.send(chat("one two three"))]
    [[body]] = batches
    assert body["choices"][0]["message"]["content"] == "one two three one two three one two"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert read_usage(body) == Usage(5, 0, 8)


async def test_a_plain_completion_answers_with_text(subject: Subject) -> None:
    """`/v1/completions` has `text`, no message."""
    [body] = await subject.chunks(completion("one two"))
    assert body["object"] == "text_completion"
    assert body["choices"][0]["text"] == "one two one two one two one two"


@pytest.mark.parametrize("make", [chat, completion])
@pytest.mark.parametrize("n", [1, 2])
async def test_the_joined_deltas_are_the_whole_body(subject: Subject, make: Callable[..., BackendCall], n: int) -> None:
    """A stream says what the plain answer says, in every choice, and ends each for the same reason."""
    [body] = await subject.chunks(make("ein zwei drei: höher", n=n))
    chunks = await subject.chunks(make("ein zwei drei: höher", n=n, **STREAM))
    for choice in body["choices"]:
        whole = choice["text"] if "text" in choice else choice["message"]["content"]
        assert _joined(chunks, choice["index"]) == whole
    assert len(body["choices"]) == n
    finished = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
    assert finished == ["stop"] * n
    assert read_usage(chunks[-1]) == read_usage(body)


async def test_usage_comes_last_and_only_when_asked(subject: Subject) -> None:
    """`include_usage` adds one last chunk without choices; without it no chunk has usage."""
    asked = await subject.chunks(chat(**STREAM))
    assert [read_usage(chunk) for chunk in asked if read_usage(chunk)] == [Usage(5, 0, 8)]
    assert asked[-1]["choices"] == []
    assert not any(read_usage(chunk) for chunk in await subject.chunks(chat(stream=True)))


async def test_continuous_usage_counts_up(subject: Subject) -> None:
    """With `continuous_usage_stats` every chunk says how many tokens there were: role, eight words, end, usage."""
    options = {"include_usage": True, "continuous_usage_stats": True}
    chunks = await subject.chunks(chat(stream=True, stream_options=options))
    counts = [(read_usage(chunk) or Usage()).output_tokens for chunk in chunks]
    assert counts == [0, *range(1, 9), 8, 8]


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
async def test_a_maximum_cuts_the_answer(subject: Subject, field: str) -> None:
    """An answer cut by the client's maximum says so."""
    [body] = await subject.chunks(chat("one two three", **{field: 2}))
    assert body["choices"][0]["message"]["content"] == "one two"
    assert body["choices"][0]["finish_reason"] == "length"


async def test_closing_early_stops_the_engine(kind: str) -> None:
    """Whoever closes the iterator after the first batch leaves no work behind."""
    async with _opened(kind, tokens=10_000, time_per_token_ms=5) as subject:
        async with subject.closing(chat(**STREAM)) as batches:
            assert await anext(batches)
        await _until(lambda: subject.engine.stats().aborted == 1)
        assert subject.engine.stats().active == 0
        assert subject.engine.stats().produced < 1000


async def test_cancelling_stops_the_engine(kind: str) -> None:
    """A consumer that is cancelled while it waits for the first token leaves no work behind."""
    async with _opened(kind, tokens=4, time_to_first_token_ms=60_000) as subject:
        waiting = asyncio.create_task(subject.chunks(chat(**STREAM)))
        await _until(lambda: subject.engine.stats().active == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await _until(lambda: subject.engine.stats().aborted == 1)
        assert subject.engine.stats().produced == 0


async def test_chunks_come_as_they_are_made(kind: str) -> None:
    """The first batch does not wait for the rest."""
    async with (
        asyncio.timeout(10),
        _opened(kind, tokens=3, time_per_token_ms=60_000) as subject,
        subject.closing(chat(**STREAM)) as batches,
    ):
        chunks: list[Chunk] = []
        while not _joined(chunks):
            chunks += await anext(batches)
        assert _joined(chunks) == "one"


async def test_ready(subject: Subject) -> None:
    """A backend that would take a call says so."""
    assert await subject.backend.ready()


async def test_an_upstream_gets_the_trace_and_our_model_name() -> None:
    """The W3C headers and the configured model reach an upstream, whatever the client said; bodies come plain."""
    engine = EchoBackend(EchoSpec(kind="echo"), "small/echo")
    app = fake_upstream(engine)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://upstream/v1") as client:
        upstream = OpenAIBackend(UpstreamSpec(kind="openai", base_url="", model="theirs"), "small/openai", client)
        call = replace(chat(), trace_context={"traceparent": "00-aa-bb-01"})
        [[body]] = [batch async for batch in upstream.send(call)]
    assert body["model"] == "theirs"
    assert app.state.headers["traceparent"] == "00-aa-bb-01"
    assert app.state.headers["accept-encoding"] == "identity"
