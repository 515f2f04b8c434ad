"""Replicas with flights of their own on one Redis, and a fake model that tells what it makes."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from app.cache.entries import short_id
from app.cache.flights.board import JOIN
from app.cache.flights.flights import Flights, Wanted
from app.cache.flights.leading import Telling
from app.cache.flights.pump import Batches
from app.config.gateway import StoreSpec
from app.config.policy import Policy
from app.domain import CacheControl, CacheHit, Caller, Chunk, GatewayRequest, MicroUsd, PromptKeys, RouteDecision
from app.errors import StoreUnavailable
from app.journey import AttemptRecord, Journey
from app.store.client import Command, Store, T
from app.store.scripts import Arg, Script
from app.wire import finish, replayed, visible

LEASE_S = 0.9
"""Short, and long enough for a machine that is busy."""
PATIENT = StoreSpec(timeout_s=5)
WORDS = ["once", " upon", " a", " time"]
TEXT = "".join(WORDS)
COST = MicroUsd(17)

Step = str | BaseException | asyncio.Event | CacheHit
Look = Callable[[], Awaitable[CacheHit | None]]


async def nothing() -> CacheHit | None:
    """What the exact cache has, asked again."""
    return None


class FragileStore(Store):
    """A store that a test may cut off, as a replica is when it dies or loses its network."""

    def __init__(self, inner: Store) -> None:
        self.keys = inner.keys
        self.cut = False
        self.ran: Counter[Script] = Counter()
        self._inner = inner

    async def run(self, command: Command[T], *, timeout_s: float | None = None) -> T:
        if self.cut:
            raise StoreUnavailable("cut off")
        return await self._inner.run(command, timeout_s=timeout_s)

    async def script(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        if self.cut:
            raise StoreUnavailable("cut off")
        reply = await self._inner.script(script, keys, args)
        self.ran[script] += 1
        return reply

    async def close(self) -> None:
        await self._inner.close()


@dataclass
class FakeModel:
    """A fake: says its steps, in chunks or in one body as the request wants, or finds a hit instead.

    `scripts` are by call, the last for ever. An answer is in the cache once `storing` is set. One that is stopped takes
    its time for it until `leaving` is set.
    """

    scripts: list[list[Step]]
    calls: int = 0
    finished: int = 0
    stopped: int = 0
    said: int = 0
    storing: asyncio.Event | None = None
    leaving: asyncio.Event | None = None

    async def make(self, journey: Journey, telling: Telling) -> Batches:
        script = self.scripts[min(self.calls, len(self.scripts) - 1)]
        self.calls += 1
        if isinstance(script[-1], CacheHit):
            await asyncio.gather(*(step.wait() for step in script if isinstance(step, asyncio.Event)))
            telling.found(script[-1])
            yield replayed(journey, script[-1])
            return
        journey.decision = RouteDecision("small", None, "test")
        journey.attempts.append(AttemptRecord("small", "small/fake", "fake-1"))
        last: Chunk | None = None
        try:
            async with aclosing(_said(script, journey)) as batches:
                async for batch in batches:
                    self.said += 1
                    telling.feed(batch, "small", stream=journey.request.stream)
                    shown, last = visible(batch, last, stream=journey.request.stream)
                    if shown:
                        yield shown
            stored = asyncio.ensure_future(self._store(self.storing)) if self.storing else None
            telling.done(COST, stored)
            self.finished += 1
            if end := finish(journey, last):
                yield end
        except (asyncio.CancelledError, GeneratorExit):
            self.stopped += 1
            if self.leaving:
                await self.leaving.wait()
            raise

    async def _store(self, storing: asyncio.Event) -> None:
        await storing.wait()


async def _said(script: list[Step], journey: Journey) -> Batches:
    said: list[str] = []
    for step in script:
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, asyncio.Event):
            await step.wait()
            continue
        said.append(str(step))
        if journey.request.stream:
            if len(said) == 1:
                yield [chunk({"role": "assistant", "content": ""})]
            yield [chunk({"content": said[-1]}, usage={"prompt_tokens": 3, "completion_tokens": len(said)})]
    usage = {"prompt_tokens": 3, "completion_tokens": len(said), "total_tokens": 3 + len(said)}
    if journey.request.stream:
        yield [chunk({}, "stop")]
        yield [{**_envelope("chat.completion.chunk"), "choices": [], "usage": usage}]
    else:
        message = {"role": "assistant", "content": "".join(said)}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        yield [{**_envelope("chat.completion"), "choices": [choice], "usage": usage}]


def _envelope(kind: str) -> Chunk:
    return {"id": "chatcmpl-7", "object": kind, "created": 7, "model": "fake-1"}


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> Chunk:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**_envelope("chat.completion.chunk"), "choices": [choice], **more}


@dataclass
class Client:
    """One request at one replica, and what its client has seen."""

    journey: Journey
    seen: list[Chunk] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All content, of chunks or of the body."""
        choices = [choice for each in self.seen for choice in each["choices"]]
        return "".join((choice.get("delta") or choice.get("message") or {}).get("content", "") for choice in choices)


@dataclass
class Replica:
    """A replica's flights; its clients ask `model`, unless they may follow."""

    flights: Flights
    store: FragileStore
    model: FakeModel
    clients: list[Client] = field(default_factory=list)

    @property
    def joined(self) -> int:
        """How often a request has joined a flight here, or begun one."""
        return self.store.ran[JOIN]

    def has_joined(self, times: int) -> bool:
        """Whether requests here have joined so often."""
        return self.joined >= times

    def entry(self, key: str) -> str:
        """Where the cache keeps an answer."""
        return self.store.keys.entry("acme", short_id(key))

    def answer(self, key: str = "k", look: Look = nothing, **options: Any) -> tuple[Client, Batches]:
        """A request that missed the exact cache, and its answer."""
        journey = missed(len(self.clients), **options)
        make = partial(self.model.make, journey)
        wanted = Wanted(journey, PromptKeys(key, "context"), look, make, lambda _: nullcontext())
        self.clients.append(Client(journey))
        return self.clients[-1], self.flights.answer(wanted)

    async def ask(self, key: str = "k", look: Look = nothing, **options: Any) -> Client:
        """The same, read to its end."""
        client, answer = self.answer(key, look, **options)
        async with aclosing(answer) as parts:
            async for chunks in parts:
                client.seen += chunks
        return client


def missed(
    number: int = 0,
    *,
    stream: bool = True,
    usage: bool = False,
    tenant: str = "acme",
    control: CacheControl | None = None,
    **policy: Any,
) -> Journey:
    options = {"stream_options": {"include_usage": True}} if usage else {}
    payload = {"model": "auto", "messages": [], "stream": stream, **options}
    request = GatewayRequest(f"req-{number}", "chat", payload, Caller(tenant), control or CacheControl())
    journey = Journey(request, Policy.model_validate(policy))
    journey.cache, journey.eligibility = "miss", "semantic"
    return journey


async def until(condition: Callable[[], bool], timeout_s: float = 5) -> None:
    """Wait for `condition`; TimeoutError where it does not come."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)
