"""A backend over HTTP: any server that speaks OpenAI's API."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self

import httpx

from app.config import gateway as config
from app.domain import BackendCall, Chunk, Operation
from app.errors import (
    BackendBroken,
    BackendError,
    BackendOverloaded,
    BackendRejected,
    BackendTimeout,
    BackendUnavailable,
    BackendUnreachable,
)
from app.tiers.sse import SseDecoder

MAX_BODY_BYTES = 32 * 1024 * 1024
"""A whole body: `n` = 128 answers of 32,000 tokens stay below."""

_MAX_MESSAGE_CHARS = 500
_PATHS: Mapping[Operation, str] = {"chat": "/chat/completions", "text_completion": "/completions"}
_REJECTED = frozenset({400, 404, 413, 415, 422})
_READY_TIMEOUT_S = 2.0
_DRAIN_TIMEOUT_S = 0.25

# Reading has no limit here: how long an answer may take is the policy's, and `Attempts` keeps it.
_TIMEOUT = httpx.Timeout(connect=5.0, read=None, write=30.0, pool=5.0)
# As many calls at once as the gateway admits: a full pool would look like a slow backend.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100)


class OpenAIBackend:
    """An OpenAI-compatible upstream.

    `client` has the upstream's base URL (with its `/v1`), credentials and time-outs. A refused key is our
    configuration's fault, so the client of LeanServe sees 503, never the upstream's 401.
    """

    def __init__(self, spec: config.OpenAIBackend, name: str, client: httpx.AsyncClient) -> None:
        self._spec = spec
        self._name = name
        self._client = client

    @classmethod
    def open(cls, spec: config.OpenAIBackend, name: str, api_key: str | None = None) -> Self:
        """With a connection pool of its own; `aclose` it."""
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        client = httpx.AsyncClient(base_url=spec.base_url, headers=headers, timeout=_TIMEOUT, limits=_LIMITS)
        return cls(spec, name, client)

    async def aclose(self) -> None:
        """Close the pool and every answer under way."""
        await self._client.aclose()

    @property
    def name(self) -> str:
        """Unique in the configuration."""
        return self._name

    async def send(self, call: BackendCall) -> AsyncGenerator[list[Chunk], None]:
        """Batches of what has arrived, or one body. Closing it closes the connection, which stops the upstream."""
        with _as_backend_errors():
            async with self._client.stream(
                "POST",
                _PATHS[call.operation],
                json=self._payload(call),
                # Not compressed: a small body could unpack to one that is not.
                headers={**call.trace_context, "accept-encoding": "identity"},
            ) as response:
                if response.status_code != httpx.codes.OK:
                    raise refusal(response.status_code, _parsed_or_empty(await _body(response)))
                if call.stream:
                    async for batch in _batches(response):
                        yield batch
                else:
                    yield [_parsed(await _body(response))]

    def _payload(self, call: BackendCall) -> dict[str, Any]:
        """The call's, with the upstream's model; without what only vLLM knows where others refuse the unknown."""
        payload = {**call.payload, "model": self._spec.model}
        options = payload.get("stream_options")
        if options and self._spec.provider != "vllm":
            known = {name: value for name, value in options.items() if name != "continuous_usage_stats"}
            payload["stream_options"] = known
        return payload

    async def ready(self) -> bool:
        """Whether the upstream lists its models. One that answers 404 lives, but has no such list."""
        try:
            response = await self._client.get("/models", timeout=_READY_TIMEOUT_S)
        except httpx.HTTPError:
            return False
        return response.status_code in {httpx.codes.OK, httpx.codes.NOT_FOUND}


@contextmanager
def _as_backend_errors() -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise BackendTimeout("the backend did not answer in time") from error
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        raise BackendUnreachable("the connection to the backend failed") from error


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise BackendBroken("the backend sent a body without end")
    return bytes(body)


async def _batches(response: httpx.Response) -> AsyncGenerator[list[Chunk], None]:
    """One batch for what one read of the socket completed. Raises `BackendBroken` if the stream breaks off."""
    decoder, finished, pieces = SseDecoder(), False, response.aiter_bytes()
    async for piece in pieces:
        events = decoder.feed(piece)
        chunks = [_checked(_parsed(event)) for event in events if event != b"[DONE]"]
        if chunks:
            yield chunks
        if b"[DONE]" in events:
            await _drain(pieces)
            return
        finished = finished or any(_has_finished(chunk) for chunk in chunks)
    if not finished:  # some upstreams end without [DONE]
        raise BackendBroken("the backend's answer broke off")


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read the end of the body, already on its way: only then can the next call use the connection."""
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_DRAIN_TIMEOUT_S):
            async for _ in pieces:
                pass


def _has_finished(chunk: Chunk) -> bool:
    return any(choice.get("finish_reason") for choice in chunk.get("choices") or ())


def _parsed(data: bytes) -> Chunk:
    try:
        parsed = json.loads(data)
    except ValueError as error:
        raise BackendBroken("the backend sent something that is not JSON") from error
    if not isinstance(parsed, dict):
        raise BackendBroken("the backend sent something that is not an object")
    return parsed


def _parsed_or_empty(data: bytes) -> Chunk:
    """The body of an error, which proxies also send as HTML."""
    try:
        return _parsed(data)
    except BackendBroken:
        return {}


def _checked(chunk: Chunk) -> Chunk:
    """`chunk`, unless it is an error that came inside the stream: its status is then in `code`, if anywhere."""
    fault = _fault(chunk)
    if fault is None:
        return chunk
    code = fault.get("code")
    raise refusal(code if isinstance(code, int) else httpx.codes.INTERNAL_SERVER_ERROR, chunk)


def _fault(body: Chunk) -> Mapping[str, Any] | None:
    """The error object: OpenAI nests it, older vLLM does not; some send a bare string."""
    if body.get("object") == "error":
        return body
    error = body.get("error")
    if error is None:
        return None
    return error if isinstance(error, dict) else {"message": str(error)}


def refusal(status: int, body: Chunk) -> BackendError:
    """The error that an upstream's `status` means to us. Only what the client got wrong is quoted to it."""
    if status in _REJECTED:
        fault = _fault(body) or {}
        message = str(fault.get("message") or "the backend refused the request")[:_MAX_MESSAGE_CHARS]
        param = fault.get("param")
        return BackendRejected(message, status, param if isinstance(param, str) else None)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return BackendOverloaded("the backend has no room now")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return BackendBroken("the backend failed")
    return BackendUnavailable("the backend cannot be used as it is configured")
