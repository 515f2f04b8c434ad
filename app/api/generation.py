"""`POST /v1/chat/completions` and `/v1/completions`."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from app.api.headers import response_headers
from app.api.reading import Reader
from app.api.schema import ChatCompletionRequest, CompletionRequest, WireModel
from app.api.sse import ClientLeft, EventStreamResponse, event_stream, unless_gone
from app.domain import Chunk, Operation
from app.errors import BackendUnavailable
from app.gateway import Gateway
from app.journey import Journey

CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that left; nobody reads it but logs."""


class GenerationRoutes:
    """The two endpoints that generate text."""

    def __init__(self, gateway: Gateway, max_body_bytes: int) -> None:
        self._gateway = gateway
        self._reader = Reader(gateway.catalog, max_body_bytes)
        self.router = APIRouter()
        self.router.add_api_route("/v1/chat/completions", self.chat, methods=["POST"])
        self.router.add_api_route("/v1/completions", self.complete, methods=["POST"])

    async def chat(self, request: Request) -> Response:
        """OpenAI's chat completions, plain and streaming."""
        return await self._answer(request, "chat", ChatCompletionRequest)

    async def complete(self, request: Request) -> Response:
        """OpenAI's text completions, plain and streaming."""
        return await self._answer(request, "text_completion", CompletionRequest)

    async def _answer(self, request: Request, operation: Operation, schema: type[WireModel]) -> Response:
        journey = self._gateway.begin(await self._reader.read(request, operation, schema))
        request.state.journey = journey
        answer = self._gateway.answer(journey)
        try:
            if journey.request.stream:
                return await unless_gone(request, _stream(journey, answer))
            return await unless_gone(request, _whole(journey, answer))
        except ClientLeft:
            return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _whole(journey: Journey, answer: AsyncGenerator[list[Chunk], None]) -> Response:
    body: dict[str, Any] | None = None
    async with aclosing(answer):
        async for chunks in answer:
            body = chunks[-1]
    if body is None:
        raise BackendUnavailable("the backend sent no answer")
    content = msgspec.json.encode(body)
    return Response(content, media_type="application/json", headers=response_headers(journey))


async def _stream(journey: Journey, answer: AsyncGenerator[list[Chunk], None]) -> Response:
    """Nothing is sent before the first chunk, so that a fault until then has its right status."""
    try:
        first: list[Chunk] = await anext(answer, [])
    except BaseException:
        await answer.aclose()
        raise
    return EventStreamResponse(event_stream(first, answer), headers=response_headers(journey))
