"""Scripted fakes: backends that do what a test tells them, a clock that a test moves, an upstream that is an echo."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from app.cache.replay import as_stream
from app.config.gateway import EchoBackend as EchoSpec
from app.config.gateway import TierSpec
from app.config.policy import AttemptPolicy, Policy
from app.cost.prices import PriceSheet
from app.domain import BackendCall, Chunk, GatewayRequest, Operation, RouteDecision
from app.journey import AttemptRecord, Journey
from app.tiers.attempts import AttemptObserver, CallFactory, Tier
from app.tiers.echo import EchoBackend

Step = list[Chunk] | BaseException | Callable[[], Any]
"""A batch to yield, an error to raise, or something to await (or just call) before going on."""


@dataclass
class FakeClock:
    """A clock that stands until it is moved."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class ScriptedBackend:
    """A fake backend: each call plays the next script, the last one for ever. Counts calls, closes and aborts.

    Whole chat bodies are told in pieces to who calls for a stream.
    """

    name: str
    scripts: Sequence[Sequence[Step]]
    calls: list[BackendCall] = field(default_factory=list)
    closed: int = 0

    async def send(self, call: BackendCall) -> AsyncGenerator[list[Chunk], None]:
        script = self.scripts[min(len(self.calls), len(self.scripts) - 1)]
        self.calls.append(call)
        try:
            for step in script:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, list):
                    yield as_called(call, step)
                elif (waiting := step()) is not None:
                    await waiting
        finally:
            self.closed += 1

    async def ready(self) -> bool:
        return True


def as_called(call: BackendCall, batch: list[Chunk]) -> list[Chunk]:
    """The batch, whole chat bodies in pieces where the call streams."""
    pieces: list[Chunk] = []
    for each in batch:
        whole = call.stream and any("message" in choice for choice in each.get("choices") or ())
        pieces += as_stream(each, each["id"], include_usage=True) if whole else [each]
    return pieces


def text(content: str) -> Chunk:
    """A stream's chunk with `content`."""
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}]}


def spec(name: str) -> TierSpec:
    """A tier's specification; the fakes stand in for what its backends say."""
    return TierSpec(
        name=name,
        model=f"{name}-model",
        context_tokens=1000,
        max_output_tokens=100,
        backends=(EchoSpec(kind="echo"),),
    )


def tier(name: str, *backends: ScriptedBackend) -> Tier:
    """A tier of scripted backends."""
    return Tier(spec(name), backends)


def journey(
    *tiers: str, attempts: AttemptPolicy | None = None, prices: PriceSheet | None = None, **policy: Any
) -> Journey:
    """A request that was routed to the first of `tiers`, with the rest to fall back to."""
    request = GatewayRequest("r1", "chat", {"model": "auto", "stream": True, "messages": []})
    made = Journey(request, Policy(attempts=attempts or AttemptPolicy(), **policy), prices or PriceSheet({}))
    made.decision = RouteDecision(tiers[0], 0.1, "test", tiers[1:])
    return made


def calls(*, stream: bool = True, input_tokens: int = 0) -> CallFactory:
    """A factory of calls that carry the tier, the backend and the trace headers."""

    def make(of: TierSpec, backend: str, trace_context: Mapping[str, str]) -> BackendCall:
        payload = {"model": of.model, "backend": backend, "stream": stream}
        return BackendCall("r1", "chat", payload, trace_context, input_tokens)

    return make


def observer(records: list[AttemptRecord]) -> AttemptObserver:
    """An observer that keeps the records; each attempt's headers name its place."""

    @contextmanager
    def observe(of: str, backend: str, model: str) -> Iterator[AttemptRecord]:
        record = AttemptRecord(of, backend, model, trace_context={"traceparent": f"span-{len(records)}"})
        records.append(record)
        yield record

    return observe


def chat(content: str = "one two three", **payload: Any) -> BackendCall:
    """A chat call."""
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": content}]
    return BackendCall("r1", "chat", {"model": "m", "messages": messages, **payload})


def completion(prompt: Any = "one two three", **payload: Any) -> BackendCall:
    """A plain completion's call."""
    return BackendCall("r1", "text_completion", {"model": "m", "prompt": prompt, **payload})


def fake_upstream(echo: EchoBackend) -> FastAPI:
    """A fake upstream: the echo backend behind OpenAI's endpoints. It keeps the last request's headers."""
    app = FastAPI()
    app.state.headers = {}

    async def answer(operation: Operation, request: Request) -> Response:
        app.state.headers = dict(request.headers)
        call = BackendCall("r1", operation, await request.json())
        if call.stream:
            return StreamingResponse(_events(echo.send(call)), media_type="text/event-stream")
        [[body]] = [batch async for batch in echo.send(call)]
        return JSONResponse(body)

    @app.post("/v1/chat/completions")
    async def chat_completions(request: Request) -> Response:
        return await answer("chat", request)

    @app.post("/v1/completions")
    async def completions(request: Request) -> Response:
        return await answer("text_completion", request)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": []}

    return app


async def _events(batches: AsyncGenerator[list[Chunk], None]) -> AsyncIterator[str]:
    try:
        async for batch in batches:
            for chunk in batch:
                yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"
    finally:
        await batches.aclose()
