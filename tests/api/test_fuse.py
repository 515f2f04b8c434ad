"""Streams of an engine behind a fuse, as the official client meets them."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from app.config.gateway import EchoBackend as EchoSpec
from app.config.gateway import StoreSpec
from app.domain import Amounts, Caller, Unit
from app.tiers.fuse import Grants
from tests.api.conftest import Serve, client_of
from tests.api.test_budget_stops import said, streamed, told, usage
from tests.fused_echo import FusedEcho, grants_in
from tests.harness import PATIENT, Running, spent_of, tier

STORE = StoreSpec.model_validate(PATIENT)


def fused(open_books: Callable[[], Grants], **spec: Any) -> FusedEcho:
    return FusedEcho(open_books, EchoSpec.model_validate({"kind": "echo", **spec}), "small/echo")


class ClosedBooks:
    """The reservation's record was lost, or reclaimed though its holder lives."""

    async def granted(self, tenant: str, reservation_id: str) -> Amounts | None:
        return None

    async def made(self, tenant: str, reservation_id: str, attempt: int, output_tokens: int) -> None:
        """Nobody reads it."""


def opened(serve: Serve, backend: FusedEcho, *budgets: dict[str, Any]) -> Running:
    tiers = [{**tier("small"), "max_output_tokens": 1000}, tier("large")]
    return serve(config={"tiers": tiers}, policy={"budgets": list(budgets)}, backends={"small/echo": backend})


@pytest.mark.parametrize("pace", [0, 0.2])
def test_an_answer_that_is_granted_as_it_grows_is_whole(serve: Serve, clean_redis: str, pace: float) -> None:
    """Stretch after stretch, with nothing lost between the account and the fuse."""
    backend = fused(partial(grants_in, clean_redis, STORE), tokens=700, time_per_token_ms=pace)
    chunks = streamed(opened(serve, backend, {"tokens": 10_000}), stream_options={"include_usage": True})
    assert len(said(chunks).split()) == 700
    assert [choice["finish_reason"] for choice in chunks[-2]["choices"]] == ["stop"]
    assert backend.stats().produced == 700


@pytest.mark.parametrize("pace", [0, 0.2])
def test_an_engine_makes_what_the_client_gets(serve: Serve, clean_redis: str, pace: float) -> None:
    """At the limit: engine, client and books agree to the token."""
    backend = fused(partial(grants_in, clean_redis, STORE), tokens=700, time_per_token_ms=pace)
    running = opened(serve, backend, {"tokens": 300})
    last = streamed(running)[-1]
    assert (last["choices"][0]["finish_reason"], last["choices"][0]["stop_reason"]) == ("length", "budget_exceeded")
    assert told(last) == usage(296)
    assert spent_of(running, Unit.TOKENS) == 300
    assert (backend.stats().produced, backend.stats().active) == (296, 0)


def test_an_answer_that_its_fuse_ended_is_never_shown_as_whole(serve: Serve) -> None:
    """Though more is granted: the engine did not hear of it. What came is paid, and the client is told."""
    backend = fused(ClosedBooks, tokens=700)
    running = opened(serve, backend, {"tokens": 10_000})
    chunks = streamed(running)
    last = chunks[-1]
    assert (last["choices"][0]["finish_reason"], last["choices"][0]["stop_reason"]) == ("length", "store_unavailable")
    assert last["leanserve"]["stopped"]["code"] == "store_unavailable"
    assert 0 < len(said(chunks).split()) <= 64
    assert spent_of(running, Unit.TOKENS) == 4 + len(said(chunks).split()) == 4 + backend.stats().produced
    assert [each.amount for each in running.gateway.spending.limits(Caller())] == [10_000]


def test_who_leaves_pays_all_that_the_engine_made(serve: Serve, clean_redis: str) -> None:
    """Also what was still under way to it: else whoever leaves again and again would get more than its limit."""
    backend = fused(partial(grants_in, clean_redis, STORE), tokens=700, time_per_token_ms=1)
    running = opened(serve, backend, {"tokens": 10_000})
    for name in "abc":
        asked: Any = [{"role": "user", "content": f"a story of {name}"}]
        stream = client_of(running).chat.completions.create(model="small", messages=asked, stream=True)
        next(iter(stream))
        stream.close()
    assert spent_of(running, Unit.TOKENS) == 3 * 4 + backend.stats().produced


class MuteBooks:
    """The engine's word never arrives: its replica is busy for longer than anybody waits."""

    def __init__(self, books: Grants) -> None:
        self._books = books

    async def granted(self, tenant: str, reservation_id: str) -> Amounts | None:
        return await self._books.granted(tenant, reservation_id)

    async def made(self, tenant: str, reservation_id: str, attempt: int, output_tokens: int) -> None:
        """Lost."""


def test_who_leaves_an_engine_that_does_not_say_what_it_made_pays_what_was_held(serve: Serve, clean_redis: str) -> None:
    """It may have made all of it: a limit errs to one side only."""
    backend = fused(lambda: MuteBooks(grants_in(clean_redis, STORE)), tokens=700, time_per_token_ms=20)
    running = opened(serve, backend, {"tokens": 10_000})
    asked: Any = [{"role": "user", "content": "a story of rain"}]
    stream = client_of(running).chat.completions.create(model="small", messages=asked, stream=True)
    next(iter(stream))
    stream.close()
    time.sleep(2)  # of two times three seconds in which the word is waited for; the rest `spent_of` waits
    assert spent_of(running, Unit.TOKENS) == 4 + 64 > 4 + backend.stats().produced
