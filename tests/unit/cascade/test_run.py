"""Money, time and leaving: a whole gateway on this loop, a real ledger, scripted tiers."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from app.budget.ledger import RedisBudgetLedger
from app.budget.limits import limits_for
from app.cascade.run import may_cascade
from app.config.routing import CascadePolicy
from app.domain import (
    Amounts,
    Caller,
    Chunk,
    GatewayRequest,
    Lane,
    MicroUsd,
    Reservation,
    RouteDecision,
    Unit,
)
from app.errors import BackendBroken, BackendRejected, BackendUnreachable
from app.journey import AttemptOutcome, Journey
from app.learn.records import is_answered
from app.prompt.bound import most_input_tokens
from app.store.client import open_store
from tests.fakes_answers import COST, answer, streamed
from tests.fakes_backends import ScriptedBackend
from tests.harness import Running, Setup, open_gateway

REFUSED = answer("I'm sorry, but I can't help with that.")
BETTER = answer("2962 m")
ASK: dict[str, Any] = {
    "model": "auto",
    "messages": [{"role": "user", "content": "how high is it, in metres, please, to the metre?"}],
    "max_tokens": 50,
}
BOTH = COST["small"] + COST["large"]
TOKENS = 14
"""Of one answer."""


@dataclass
class Bench:
    """A gateway and its books."""

    running: Running
    ledger: RedisBudgetLedger
    shown: list[Chunk]

    async def answer(self, journey: Journey) -> None:
        async for chunks in self.running.gateway.answer(journey):
            self.shown += chunks

    def begin(self, **payload: Any) -> Journey:
        request = GatewayRequest("r1", "chat", {**ASK, **payload}, Caller(lane=Lane.BATCH))
        return self.running.gateway.begin(request)

    async def booked(self) -> dict[Unit, tuple[int, int]]:
        """Spent and held, by unit, once nothing is held any more, or five seconds later."""
        limits = limits_for(Caller(), self.running.gateway.policy.budgets)
        for _ in range(500):
            found = await self.ledger.booked("default", limits)
            if not any(each.held for each in found):
                break
            await asyncio.sleep(0.01)
        return {each.limit.unit: (each.spent, each.held) for each in found}

    def waiting(self, tier: str) -> bool:
        backend = self.running.backends[f"{tier}/echo"]
        return bool(len(backend.calls) > backend.closed)


def budget(usd: float = 100, tokens: int = 100_000) -> list[dict[str, Any]]:
    return [{"tokens": tokens, "usd": str(usd), "window": "total"}]


@pytest.fixture
def bench(clean_redis: str) -> Callable[..., Any]:
    """Opens a gateway whose tiers play these scripts."""

    @asynccontextmanager
    async def opened(small: Any, large: Any, **policy: Any) -> AsyncGenerator[Bench, None]:
        backends = {
            "small/echo": ScriptedBackend("small/echo", [small]),
            "large/echo": ScriptedBackend("large/echo", [large]),
        }
        policy = {"budgets": budget(), "routing": {"cascade": {"enabled": True}}, **policy}
        setup = Setup(clean_redis, policy, backends=dict(backends))
        store = await open_store(clean_redis, setup.gateway_config().store)
        try:
            async with open_gateway(setup) as running:
                yield Bench(running, RedisBudgetLedger(store), [])
        finally:
            await store.close()

    return opened


async def closed(bench: Bench, journey: Journey) -> None:
    """The books are: what was held for the attempt that was cut is paid, for these engines never say what they made."""
    whole = sum(each.usage.total_tokens for each in journey.attempts if each.outcome is AttemptOutcome.SUCCESS)
    most = most_input_tokens(ASK, 4096) + ASK["max_tokens"]
    assert (await bench.booked())[Unit.TOKENS] == (whole + most, 0)


async def soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def text_of(shown: list[Chunk]) -> str:
    choices = [choice for chunk in shown for choice in chunk["choices"]]
    return "".join((each.get("message") or each.get("delta")).get("content") or "" for each in choices)


def broken(fault: Exception | None = None) -> list[Any]:
    """A stream that breaks off after its first word."""
    return [*streamed("7 ", "m")[:2], fault or BackendBroken("broke")]


@pytest.mark.parametrize("stream", [False, True])
async def test_both_attempts_are_on_the_bill(bench: Any, stream: bool) -> None:
    """Journey and ledger agree to the micro-dollar, and nothing stays held."""
    small, large = (streamed("7 ", "m", p=0.1), streamed("2962 ", "m")) if stream else ([REFUSED], [BETTER])
    async with bench(small, large) as open_bench:
        journey = open_bench.begin(stream=stream)
        await open_bench.answer(journey)
        assert text_of(open_bench.shown) == "2962 m"
        assert [each.cost for each in journey.attempts] == [COST["small"], COST["large"]]
        assert (journey.cost, journey.usage.total_tokens) == (BOTH, 2 * TOKENS)
        assert await open_bench.booked() == {Unit.TOKENS: (2 * TOKENS, 0), Unit.MICRO_USD: (BOTH, 0)}


async def test_a_budget_that_has_no_room_for_the_second(bench: Any) -> None:
    """The first answer is given and paid, the limit holds, and the better engine was never called.

    Both read ten tokens, and the first writes four: a second one would have none to write.
    """
    async with bench([REFUSED], [BETTER], budgets=budget(tokens=24)) as open_bench:
        journey = open_bench.begin()
        await open_bench.answer(journey)
        assert text_of(open_bench.shown).startswith("I'm sorry")
        assert str(journey.cascade) == "kept:refusal"
        assert (journey.tier, is_answered(journey)) == ("small", True)
        assert open_bench.running.backends["large/echo"].calls == []
        assert (await open_bench.booked())[Unit.TOKENS] == (TOKENS, 0)


async def test_a_budget_with_room_for_one_after_the_other(bench: Any) -> None:
    """What the first did not spend the second may: no limit must hold the worst of both."""
    async with bench([REFUSED], [BETTER], budgets=budget(tokens=28)) as open_bench:
        journey = open_bench.begin()
        await open_bench.answer(journey)
        assert str(journey.cascade) == "escalated:refusal"
        assert (await open_bench.booked())[Unit.TOKENS] == (2 * TOKENS, 0)


async def test_a_limit_that_downgrades_has_nobody_say_it_twice(bench: Any) -> None:
    """Others took meanwhile what the better answer needs: the first is given, not made once more by its own tier."""
    opened: list[Bench] = []

    async def take() -> None:
        await asyncio.sleep(0.1)  # what was held for a longer input is given back
        limits = limits_for(Caller(), opened[0].running.gateway.policy.budgets)
        [left] = await opened[0].ledger.remaining("default", limits)
        taken = Amounts(micro_usd=MicroUsd(left.amount))
        assert isinstance(await opened[0].ledger.reserve("other", Caller(), limits, taken), Reservation)

    rule = {"usd": "0.01", "window": "total", "on_limit": "downgrade"}
    async with bench([REFUSED, take], [BETTER], budgets=[rule]) as open_bench:
        opened.append(open_bench)
        journey = open_bench.begin()
        await open_bench.answer(journey)
        assert str(journey.cascade) == "kept:refusal"
        assert [len(each.calls) for each in open_bench.running.backends.values()] == [1, 0]
        assert journey.cost == COST["small"]


@pytest.mark.parametrize(
    "fault",
    [BackendUnreachable("gone"), BackendRejected("too long", 400), RuntimeError("a bug of the backend")],
    ids=repr,
)
async def test_a_second_answer_that_fails_costs_nothing(bench: Any, fault: Exception) -> None:
    """Whatever it dies of: the first is given, and alone paid."""
    async with bench([REFUSED], [fault]) as open_bench:
        journey = open_bench.begin()
        await open_bench.answer(journey)
        assert text_of(open_bench.shown).startswith("I'm sorry")
        assert [str(each.outcome) for each in journey.attempts] == ["success", "failed"]
        assert (journey.tier, journey.cost, journey.error) == ("small", COST["small"], "")
        assert await open_bench.booked() == {Unit.TOKENS: (TOKENS, 0), Unit.MICRO_USD: (COST["small"], 0)}


async def test_a_first_answer_that_breaks_off_is_given_by_the_better_tier(bench: Any) -> None:
    """Nothing was shown, so nothing failed: both are paid as far as they went."""
    async with bench(broken(), streamed("2962 ", "m")) as open_bench:
        journey = open_bench.begin(stream=True)
        await open_bench.answer(journey)
        assert text_of(open_bench.shown) == "2962 m"
        assert (str(journey.cascade), journey.tier, journey.error) == ("escalated:failed", "large", "")
        assert [str(each.outcome) for each in journey.attempts] == ["failed", "success"]
        assert (await open_bench.booked())[Unit.TOKENS] == (journey.usage.total_tokens, 0)


@pytest.mark.parametrize(
    ("small", "large", "calls"),
    [(BackendBroken("first"), BackendUnreachable("second"), 1), (BackendRejected("first", 400), BETTER, 0)],
    ids=["both", "rejected"],
)
async def test_a_first_answer_that_breaks_off_for_good(bench: Any, small: Exception, large: Any, calls: int) -> None:
    """Where the better one fails too, or the request is wrong: the first fault, with a status, since nothing was shown.

    Who got nothing is not answered.
    """
    async with bench(broken(small), [large]) as open_bench:
        journey = open_bench.begin(stream=True)
        with pytest.raises(type(small), match="first"):
            await open_bench.answer(journey)
        assert (open_bench.shown, is_answered(journey)) == ([], False)
        assert len(open_bench.running.backends["large/echo"].calls) == calls
        assert (await open_bench.booked())[Unit.TOKENS] == (journey.usage.total_tokens, 0)


async def test_leaving_while_the_first_answer_is_held_back(bench: Any) -> None:
    """The engine stops, the second is never called, and what may have been produced is paid."""
    small = [*streamed("7 ", "m")[:2], lambda: asyncio.sleep(3600)]
    async with bench(small, [BETTER]) as open_bench:
        journey = open_bench.begin(stream=True)
        task = asyncio.ensure_future(open_bench.answer(journey))
        await soon(lambda: bool(journey.attempts and journey.attempts[0].usage.output_tokens))
        await leave(task)
        assert open_bench.running.backends["small/echo"].closed == 1
        assert open_bench.running.backends["large/echo"].calls == []
        assert [(str(each.outcome), each.cause) for each in journey.attempts] == [("ignored", "client_left")]
        assert journey.usage.output_tokens == 1
        assert not is_answered(journey)
        await closed(open_bench, journey)


@pytest.mark.parametrize("shown", [0, 2])
async def test_leaving_while_the_second_answer_is_made(bench: Any, shown: int) -> None:
    """Before its first chunk and after it: the better engine stops, and both are paid as far as they went."""
    large = [*streamed("2962 ", "m")[:shown], lambda: asyncio.sleep(3600)]
    async with bench(streamed("7 ", "m", p=0.1), large) as open_bench:
        journey = open_bench.begin(stream=True)
        task = asyncio.ensure_future(open_bench.answer(journey))
        await soon(lambda: open_bench.waiting("large") and len(open_bench.shown) >= shown)
        await leave(task)
        assert open_bench.running.backends["large/echo"].closed == 1
        first, second = journey.attempts
        assert (first.cause, first.cost) == ("unsure_confidence", COST["small"])
        assert (str(second.outcome), second.cause) == ("ignored", "client_left")
        assert second.usage.input_tokens > 0
        assert is_answered(journey) is bool(shown)
        await closed(open_bench, journey)


async def leave(task: "asyncio.Future[None]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_both_answers_have_the_time_of_one_request(bench: Any) -> None:
    """The second does not begin anew: when the request's time is over, the first is given."""
    attempts = {"total_timeout_s": 0.6}
    small = [lambda: asyncio.sleep(0.4), REFUSED]
    async with bench(small, [lambda: asyncio.sleep(3600)], attempts=attempts) as open_bench:
        journey, started = open_bench.begin(), asyncio.get_running_loop().time()
        await open_bench.answer(journey)
        assert asyncio.get_running_loop().time() - started < 0.95
        assert str(journey.cascade) == "kept:refusal"
        assert journey.attempts[1].cause == "timeout"


async def test_a_schema_that_nobody_can_judge_keeps_the_answer(bench: Any) -> None:
    """Its author asked for what cannot be read: no reason to pay twice, and no error of ours."""
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"$ref": "http://127.0.0.1:9/s.json"}}}
    async with bench([answer("{}")], [BETTER]) as open_bench:
        journey = open_bench.begin(response_format=schema)
        await open_bench.answer(journey)
        assert text_of(open_bench.shown) == "{}"
        assert str(journey.cascade) == "kept"


async def test_confidence_is_asked_for_by_policy_only(bench: Any) -> None:
    """With a least confidence of 0 the engine computes none."""
    routing = {"cascade": {"enabled": True, "min_confidence": 0}}
    async with bench([answer("7 m", p=(0.1,))], [BETTER], routing=routing) as open_bench:
        journey = open_bench.begin()
        await open_bench.answer(journey)
        assert "logprobs" not in open_bench.running.backends["small/echo"].calls[0].payload
        assert str(journey.cascade) == "kept"


def test_who_may_cascade() -> None:
    """By policy, where the router chose and something better is left, and not for a person who reads along."""
    on, streams = CascadePolicy(enabled=True), CascadePolicy(enabled=True, streams=True)
    routed, best = RouteDecision("small", 0.1, "", ("large",)), RouteDecision("large", 0.9, "")

    def asked(lane: Lane = Lane.INTERACTIVE, **payload: Any) -> GatewayRequest:
        return GatewayRequest("r", "chat", {"model": "auto", **payload}, Caller(lane=lane))

    assert may_cascade(asked(), on, routed)
    assert may_cascade(asked(Lane.BATCH, stream=True), on, routed)
    assert may_cascade(asked(stream=True), streams, routed)
    assert not may_cascade(asked(stream=True), on, routed)
    assert not may_cascade(asked(), CascadePolicy(), routed)
    assert not may_cascade(asked(), on, best)
    assert not may_cascade(asked(model="small"), on, routed)
