"""The upstream backend against scripted HTTP answers: which status means what, and what broken streams do."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from app.config.gateway import OpenAIBackend as Spec
from app.domain import BackendCall, Chunk
from app.errors import (
    BackendBroken,
    BackendError,
    BackendOverloaded,
    BackendRejected,
    BackendTimeout,
    BackendUnavailable,
    BackendUnreachable,
    LeanServeError,
)
from app.tiers import openai_upstream
from app.tiers.causes import cause_of
from app.tiers.openai_upstream import OpenAIBackend
from tests.fakes_backends import chat, text

SPEC = Spec(kind="openai", base_url="http://upstream/v1", model="theirs")
STREAMED = chat("hi", stream=True)
DONE = b"data: [DONE]\n\n"

Handler = Callable[[httpx.Request], httpx.Response]


class Pieces(httpx.AsyncByteStream):
    """A body that arrives in the given pieces; an exception among them breaks it off."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = pieces
        self.read = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.read += 1
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def aclose(self) -> None:
        self.closed = True


def upstream(handler: Handler) -> OpenAIBackend:
    client = httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url=SPEC.base_url)
    return OpenAIBackend(SPEC, "small/openai", client)


def streaming(*pieces: bytes | Exception) -> OpenAIBackend:
    return upstream(lambda _: httpx.Response(200, stream=Pieces(*pieces)))


async def batches(backend: OpenAIBackend, call: BackendCall = STREAMED) -> list[list[Chunk]]:
    return [batch async for batch in backend.send(call)]


def event(chunk: Chunk) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


@pytest.mark.parametrize(
    ("status", "kind", "seen"),
    [
        (400, BackendRejected, 400),
        (404, BackendRejected, 404),
        (413, BackendRejected, 413),
        (422, BackendRejected, 422),
        (401, BackendUnavailable, 503),
        (403, BackendUnavailable, 503),
        (402, BackendUnavailable, 503),
        (302, BackendUnavailable, 503),
        (429, BackendOverloaded, 429),
        (500, BackendBroken, 503),
        (502, BackendBroken, 503),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_each_status_has_its_error(status: int, kind: type[BackendError], seen: int, stream: bool) -> None:
    """The client's faults keep their status and message; ours and the upstream's are not quoted."""
    body = {"error": {"message": "their words", "type": "x", "param": "n", "code": None}}
    with pytest.raises(BackendError) as caught:
        await batches(upstream(lambda _: httpx.Response(status, json=body)), chat("hi", stream=stream))
    assert type(caught.value) is kind
    assert caught.value.http_status == seen
    assert (caught.value.message == "their words") == (kind is BackendRejected)
    assert (caught.value.param == "n") == (kind is BackendRejected)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"object": "error", "message": "old vllm", "code": 400}', "old vllm"),
        (b'{"error": "a bare string"}', "a bare string"),
        (b"<html>", "the backend refused the request"),
        (b"[]", "the backend refused the request"),
        (b'{"error": {"message": "' + b"x" * 10_000 + b'"}}', "x" * 500),
    ],
)
async def test_every_shape_of_error_body(body: bytes, message: str) -> None:
    """Old vLLM's, a bare string, no JSON at all; and a message has an end."""
    with pytest.raises(BackendRejected) as caught:
        await batches(upstream(lambda _: httpx.Response(400, content=body)))
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("error", "kind", "cause"),
    [
        (httpx.ConnectError("10.0.0.1 refused"), BackendUnreachable, "connection"),
        (httpx.ReadError("reset"), BackendUnreachable, "connection"),
        (httpx.RemoteProtocolError("eof"), BackendUnreachable, "connection"),
        (httpx.ConnectTimeout("slow"), BackendTimeout, "timeout"),
        (httpx.ReadTimeout("slow"), BackendTimeout, "timeout"),
        (httpx.PoolTimeout("slow"), BackendTimeout, "timeout"),
    ],
)
async def test_faults_of_the_connection(error: Exception, kind: type[BackendError], cause: str) -> None:
    """Before the answer and in the midst of it alike; no address reaches the client."""

    def refuse(_: httpx.Request) -> httpx.Response:
        raise error

    for backend in (upstream(refuse), streaming(event(text("a")), error)):
        with pytest.raises(LeanServeError) as caught:
            await batches(backend)
        assert type(caught.value) is kind
        assert cause_of(caught.value) == cause
        assert "10.0.0.1" not in str(caught.value.body())


@pytest.mark.parametrize(("provider", "kept"), [("openai", False), ("vllm", True)])
async def test_what_only_vllm_knows_goes_to_vllm_only(provider: str, kept: bool) -> None:
    """OpenAI's own API refuses unknown fields of `stream_options`; the call itself stays as it was."""
    seen: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return httpx.Response(200, content=event(text("a")) + DONE)

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url=SPEC.base_url)
    backend = OpenAIBackend(SPEC.model_copy(update={"provider": provider}), "small/openai", client)
    call = chat("hi", stream=True, stream_options={"include_usage": True, "continuous_usage_stats": True})
    await batches(backend, call)
    assert seen[0]["stream_options"] == {"include_usage": True} | ({"continuous_usage_stats": True} if kept else {})
    assert "continuous_usage_stats" in call.payload["stream_options"]


async def test_one_batch_for_what_arrived_together() -> None:
    """Each read of the socket is one batch; a piece that completes no event is none."""
    one, two, three = (event(text(word)) for word in ("höher", "b", "c"))
    cut = one.index("ö".encode()) + 1
    got = await batches(streaming(one[:cut], one[cut:], two + three, DONE))
    assert got == [[text("höher")], [text("b"), text("c")]]


async def test_the_end_of_the_body_is_read() -> None:
    """What follows `[DONE]` is read and dropped, so that the connection can be used again."""
    body = Pieces(event(text("a")) + DONE, b": bye\n\n", httpx.ReadError("reset"))
    assert await batches(upstream(lambda _: httpx.Response(200, stream=body))) == [[text("a")]]
    assert (body.read, body.closed) == (3, True)


async def test_a_stream_that_breaks_off_is_an_error() -> None:
    """Neither `[DONE]` nor a finish reason: half an answer must not look whole."""
    with pytest.raises(BackendBroken):
        await batches(streaming(event(text("half"))))


async def test_a_finished_stream_without_done_is_whole() -> None:
    """Some upstreams end so."""
    last: dict[str, Any] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    assert await batches(streaming(event(text("a")), event(last))) == [[text("a")], [last]]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"error": {"message": "too long", "code": 400}}, BackendRejected),
        ({"error": {"message": "full", "code": 429}}, BackendOverloaded),
        ({"error": {"message": "crash", "code": 500}}, BackendBroken),
        ({"error": {"message": "crash", "code": "internal"}}, BackendBroken),
        ({"object": "error", "message": "old", "code": 400}, BackendRejected),
    ],
)
async def test_an_error_inside_the_stream(fault: Chunk, kind: type[BackendError]) -> None:
    """An error object in place of a chunk is raised as what it says."""
    with pytest.raises(BackendError) as caught:
        await batches(streaming(event(fault), DONE))
    assert type(caught.value) is kind


@pytest.mark.parametrize("junk", [b"data: {\n\n", b"data: [1]\n\n", b"data: \xff\n\n"])
async def test_junk_is_an_error(junk: bytes) -> None:
    """What is not a JSON object is a broken backend."""
    with pytest.raises(BackendBroken):
        await batches(streaming(junk, DONE))


async def test_a_body_without_end_is_cut() -> None:
    """The bound holds while reading, whatever the length header says."""
    piece = b" " * (openai_upstream.MAX_BODY_BYTES // 4)
    with pytest.raises(BackendBroken):
        await batches(streaming(*[piece] * 5), chat("hi"))


@pytest.mark.parametrize(("status", "ready"), [(200, True), (404, True), (401, False), (500, False)])
async def test_ready_is_what_the_upstream_says(status: int, ready: bool) -> None:
    """A refused key or a failing server is not ready."""
    assert await upstream(lambda _: httpx.Response(status, json={})).ready() is ready


async def test_nobody_there_is_not_ready() -> None:
    """No connection, no exception."""

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert not await upstream(refuse).ready()


async def test_open_has_the_key_and_no_read_timeout() -> None:
    """The key goes into the header; how long to wait is the policy's matter."""
    backend = OpenAIBackend.open(SPEC, "small/openai", "k1")
    client = backend._client
    assert client.headers["authorization"] == "Bearer k1"
    assert client.timeout.read is None
    await backend.aclose()
    assert client.is_closed
