"""Attempts: order, fail-over before the first chunk only, time-outs, breakers and the three outcomes."""

import asyncio
import contextlib
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest

from app.config.policy import AttemptPolicy
from app.config.prices import Price
from app.cost.prices import PriceSheet
from app.domain import Chunk, Usage
from app.errors import (
    BackendBroken,
    BackendCrashed,
    BackendError,
    BackendOverloaded,
    BackendRejected,
    BackendTimeout,
    BackendUnavailable,
    BackendUnreachable,
)
from app.journey import AttemptOutcome, AttemptRecord, Journey
from app.tiers.attempts import Attempts, cheapest_first
from tests.fakes_backends import FakeClock, ScriptedBackend, calls, journey, observer, text, tier

GONE = BackendUnreachable("gone")
BUSY = BackendOverloaded("busy")
WRONG = BackendRejected("wrong", 422, "temperature")
QUICK = AttemptPolicy(first_token_timeout_s=0.02, next_token_timeout_s=0.02, breaker_failures=2, breaker_reset_s=10)


def backend(name: str, *script: Any) -> ScriptedBackend:
    return ScriptedBackend(name, [script])


def forever() -> Any:
    return asyncio.sleep(3600)


class Run:
    """What came out of one request: chunks, records, and the error if any."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.records: list[AttemptRecord] = []
        self.error: BaseException | None = None

    @property
    def causes(self) -> list[str]:
        return [record.cause for record in self.records]


async def run(attempts: Attempts, of: Journey) -> Run:
    result = Run()
    try:
        async for batch in attempts.run(of, calls(), observer(result.records)):
            result.chunks += batch
    except Exception as error:
        result.error = error
    return result


async def test_the_first_backend_answers_and_nobody_else_is_called() -> None:
    """A healthy first backend gets the only call, with the tier's model and the attempt's trace headers."""
    first, second = backend("small/a", [text("hi")], [text(" you")]), backend("small/b", [text("no")])
    done = await run(Attempts([tier("small", first, second)]), journey("small"))
    assert done.chunks == [text("hi"), text(" you")]
    assert [record.outcome for record in done.records] == [AttemptOutcome.SUCCESS]
    assert first.calls[0].trace_context == {"traceparent": "span-0"}
    assert first.calls[0].payload["model"] == "small-model"
    assert (first.closed, second.calls) == (1, [])


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (GONE, "connection"),
        (BUSY, "overloaded"),
        (BackendTimeout("late"), "timeout"),
        (BackendBroken("500"), "5xx"),
        (BackendUnavailable("dead"), "unavailable"),
        (KeyError("a bug"), "internal"),
    ],
)
async def test_fail_over_within_the_tier_then_to_the_better_one(error: Exception, cause: str) -> None:
    """Each fault before the first chunk goes on: same tier first, then the next better tier."""
    failing = [backend("small/a", error), backend("small/b", error)]
    good = backend("large/a", [text("ok")])
    done = await run(Attempts([tier("small", *failing), tier("large", good)]), journey("small", "large"))
    assert done.chunks == [text("ok")]
    assert [record.backend for record in done.records] == ["small/a", "small/b", "large/a"]
    assert done.causes == [cause, cause, ""]
    assert [each.closed for each in (*failing, good)] == [1, 1, 1]


async def test_the_decisions_order_is_kept() -> None:
    """Tiers come as the decision says, whatever the configuration's order; others are not called."""
    tiers = [tier(name, backend(f"{name}/a", GONE)) for name in ("small", "medium", "large")]
    done = await run(Attempts(tiers), journey("large", "small"))
    assert [record.tier for record in done.records] == ["large", "small"]


async def test_the_first_chunk_commits() -> None:
    """After a chunk was handed out an error is raised, and no other backend is called."""
    other = backend("small/b", [text("no")])
    done = await run(Attempts([tier("small", backend("small/a", [text("hi")], GONE), other)]), journey("small"))
    assert done.chunks == [text("hi")]
    assert done.error is GONE
    assert other.calls == []


async def test_an_empty_batch_does_not_commit_and_an_empty_answer_fails() -> None:
    """A backend that ends without a chunk has not answered: the next one is tried."""
    good = backend("small/b", [text("ok")])
    done = await run(Attempts([tier("small", backend("small/a", [], []), good)]), journey("small"))
    assert done.chunks == [text("ok")]
    assert done.causes == ["5xx", ""]


async def test_a_rejected_request_is_not_retried() -> None:
    """The client's error is raised at once, as it came, and however often it comes no breaker opens."""
    other = backend("small/b", [text("no")])
    attempts = Attempts([tier("small", backend("small/a", WRONG), other)])
    for _ in range(3):
        done = await run(attempts, journey("small", attempts=QUICK))
        assert done.error is WRONG
        assert done.causes == ["rejected"]
    assert other.calls == []


async def test_no_first_chunk_in_time_goes_on() -> None:
    """A frozen backend is closed after the first-token time-out and the next one answers."""
    frozen, good = backend("small/a", forever), backend("small/b", [text("ok")])
    done = await run(Attempts([tier("small", frozen, good)]), journey("small", attempts=QUICK))
    assert done.chunks == [text("ok")]
    assert done.causes == ["timeout", ""]
    assert frozen.closed == 1


async def test_no_next_chunk_in_time_is_raised() -> None:
    """A stream that stops coming ends with a time-out; nothing else is called."""
    stuck, other = backend("small/a", [text("hi")], forever), backend("small/b", [text("no")])
    done = await run(Attempts([tier("small", stuck, other)]), journey("small", attempts=QUICK))
    assert isinstance(done.error, BackendTimeout)
    assert (done.chunks, other.calls, stuck.closed) == ([text("hi")], [], 1)


async def test_a_whole_body_has_the_whole_time() -> None:
    """An answer that is not streamed shows no first token: only the total time-out ends it."""
    slow = backend("small/a", lambda: asyncio.sleep(0.1), [text("body")])
    for total, outcome in ((5.0, AttemptOutcome.SUCCESS), (0.03, AttemptOutcome.FAILED)):
        records: list[AttemptRecord] = []
        policy = QUICK.model_copy(update={"total_timeout_s": total})
        with contextlib.suppress(BackendTimeout):
            async for _ in Attempts([tier("small", slow)]).run(
                journey("small", attempts=policy), calls(stream=False), observer(records)
            ):
                pass
        assert [record.outcome for record in records] == [outcome]


async def test_the_total_bounds_all_attempts_together() -> None:
    """When the request's time is used up no further backend is called."""
    clock = FakeClock()

    def pass_time() -> None:
        clock.now += 600

    slow, other = backend("small/a", pass_time, GONE), backend("small/b", [text("no")])
    done = await run(Attempts([tier("small", slow, other)], clock=clock), journey("small"))
    assert done.error is GONE
    assert other.calls == []


async def test_a_long_answer_is_ended_without_blame() -> None:
    """An answer that flows but outlasts the total time-out is cut, and the breaker does not count it."""
    clock = FakeClock()

    def pass_time() -> None:
        clock.now += 600

    attempts = Attempts(
        [tier("small", backend("small/a", [text("hi")], pass_time, [text("still")], forever))], clock=clock
    )
    for _ in range(3):
        done = await run(attempts, journey("small", attempts=AttemptPolicy(breaker_failures=2)))
        assert isinstance(done.error, BackendTimeout)
        assert done.chunks == [text("hi"), text("still")]


async def test_all_overloaded_says_overloaded() -> None:
    """If every backend was full the client gets 429 and when to come back; and no breaker opens for it."""
    attempts = Attempts([tier("small", backend("small/a", BUSY), backend("small/b", BUSY))])
    for _ in range(3):
        done = await run(attempts, journey("small", attempts=QUICK))
        assert isinstance(done.error, BackendOverloaded)
        assert done.error.retry_after_s
        assert len(done.records) == 2


async def test_a_fault_tells_more_than_a_full_queue() -> None:
    """Overloaded and unavailable together: unavailable, whatever came last."""
    done = await run(Attempts([tier("small", backend("small/a", GONE), backend("small/b", BUSY))]), journey("small"))
    assert done.error is GONE


async def test_a_bug_in_a_backend_is_not_shown() -> None:
    """An unexpected exception becomes a backend error whose message says nothing of it."""
    done = await run(Attempts([tier("small", backend("small/a", KeyError("secret")))]), journey("small"))
    assert isinstance(done.error, BackendCrashed)
    assert "secret" not in str(done.error.body())


async def test_every_breaker_open_means_no_call() -> None:
    """After failures enough nothing is called until the reset time; then one probe closes the breaker again."""
    clock = FakeClock()
    scripted = ScriptedBackend("small/a", [[GONE], [GONE], [[text("back")]]])
    attempts = Attempts([tier("small", scripted)], clock=clock)
    for _ in range(3):
        done = await run(attempts, journey("small", attempts=QUICK))
        assert isinstance(done.error, BackendUnavailable)
    assert (len(scripted.calls), done.records) == (2, [])
    clock.now += 10
    assert (await run(attempts, journey("small", attempts=QUICK))).chunks == [text("back")]
    assert (await run(attempts, journey("small", attempts=QUICK))).chunks == [text("back")]


async def test_an_open_breaker_is_passed_over() -> None:
    """A resting backend costs no time: the next one is called first."""
    good = backend("small/b", [text("ok")])
    attempts = Attempts([tier("small", backend("small/a", GONE), good)])
    for _ in range(2):
        await run(attempts, journey("small", attempts=QUICK))
    done = await run(attempts, journey("small", attempts=QUICK))
    assert [record.backend for record in done.records] == ["small/b"]


async def test_one_probe_while_others_wait_elsewhere() -> None:
    """Of many requests after the reset time exactly one reaches the backend that rested."""
    clock, gate = FakeClock(), asyncio.Event()
    scripted = ScriptedBackend("small/a", [[GONE], [GONE], [gate.wait, [text("back")]]])
    attempts = Attempts([tier("small", scripted, backend("small/b", [text("ok")]))], clock=clock)
    for _ in range(2):
        await run(attempts, journey("small", attempts=QUICK))
    clock.now += 10
    patient = QUICK.model_copy(update={"first_token_timeout_s": 5.0})
    waiting = [asyncio.create_task(run(attempts, journey("small", attempts=patient))) for _ in range(8)]
    await asyncio.sleep(0.01)
    assert len(scripted.calls) == 3
    gate.set()
    results = [await task for task in waiting]
    assert sorted(done.chunks[0]["choices"][0]["delta"]["content"] for done in results) == ["back"] + ["ok"] * 7


async def test_a_probe_that_answers_lets_the_others_in() -> None:
    """The first chunk of a probe closes the breaker: nobody waits for the end of a long answer."""
    clock = FakeClock()
    scripted = ScriptedBackend("small/a", [[GONE], [GONE], [[text("long")], forever], [[text("ok")]]])
    attempts = Attempts([tier("small", scripted)], clock=clock)
    for _ in range(2):
        await run(attempts, journey("small", attempts=QUICK))
    clock.now += 10
    async with aclosing(attempts.run(journey("small", attempts=QUICK), calls(), observer([]))) as probe:
        await anext(probe)
        assert (await run(attempts, journey("small", attempts=QUICK))).chunks == [text("ok")]


async def test_a_fault_of_the_observer_loses_no_probe() -> None:
    """Whatever breaks between the permit and the call, the next request may probe."""
    clock, scripted = FakeClock(), ScriptedBackend("small/a", [[GONE], [GONE], [[text("ok")]]])
    attempts = Attempts([tier("small", scripted)], clock=clock)
    for _ in range(2):
        await run(attempts, journey("small", attempts=QUICK))
    clock.now += 10

    def broken(*_: Any) -> Any:
        raise ValueError("no span")

    with pytest.raises(ValueError, match="span"):
        await anext(attempts.run(journey("small", attempts=QUICK), calls(), broken))
    assert (await run(attempts, journey("small", attempts=QUICK))).chunks == [text("ok")]


async def test_a_client_that_closes_is_neutral_and_stops_the_engine() -> None:
    """Closing after the first batch: `ignored`, the engine closed, the tokens so far counted, no breaker counts."""
    scripted = backend("small/a", [text("a"), text("b")], forever)
    attempts, records = Attempts([tier("small", scripted)]), list[AttemptRecord]()
    for _ in range(3):
        async with aclosing(attempts.run(journey("small", attempts=QUICK), calls(), observer(records))) as batches:
            await anext(batches)
    assert [(each.outcome, each.cause) for each in records] == [(AttemptOutcome.IGNORED, "client_left")] * 3
    assert [each.usage for each in records] == [Usage(0, 0, 2)] * 3
    assert scripted.closed == 3


async def test_a_cancelled_request_is_neutral_and_stops_the_engine() -> None:
    """Cancelled while it waits for a first chunk: `ignored`, closed, no other backend, no breaker counts."""
    frozen, other = backend("small/a", forever), backend("small/b", [text("no")])
    attempts, patient = Attempts([tier("small", frozen, other)]), AttemptPolicy(breaker_failures=1)
    for count in (1, 2):
        records: list[AttemptRecord] = []

        async def consume(into: list[AttemptRecord] = records) -> None:
            async for _ in attempts.run(journey("small", attempts=patient), calls(), observer(into)):
                pass

        task = asyncio.create_task(consume())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [each.outcome for each in records] == [AttemptOutcome.IGNORED]
        assert (frozen.closed, other.calls) == (count, [])


async def test_the_record_measures() -> None:
    """Time to first chunk and duration by the injected clock; usage as the backend reported it."""
    clock = FakeClock()

    def pass_time() -> None:
        clock.now += 2

    usage = {
        "choices": [],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
    }
    scripted = backend("small/a", pass_time, [text("a")], pass_time, [usage], pass_time)
    done = await run(Attempts([tier("small", scripted)], clock=clock), journey("small"))
    [record] = done.records
    assert (record.first_chunk_s, record.duration_s) == (2, 6)
    assert record.usage == Usage(7, 4, 3)


async def test_our_own_error_is_not_the_backends() -> None:
    """A call that cannot be made fails the request: no fail-over, no breaker, and no probe is lost."""

    def broken(*_: Any) -> Any:
        raise ValueError("no such adapter")

    good = backend("small/a", [text("ok")])
    attempts, records = Attempts([tier("small", good)]), list[AttemptRecord]()
    policy = AttemptPolicy(breaker_failures=1)
    for _ in range(2):
        with pytest.raises(ValueError, match="adapter"):
            await anext(attempts.run(journey("small", attempts=policy), broken, observer(records)))
    assert (await run(attempts, journey("small", attempts=policy))).chunks == [text("ok")]
    assert [each.cause for each in records] == ["internal"] * 2


async def test_a_backend_that_cannot_close_does_not_hide_the_answer() -> None:
    """An error while closing is logged, not raised."""

    class Unclosable(ScriptedBackend):
        async def send(self, call: Any) -> Any:
            try:
                yield [text("ok")]
                await forever()
            finally:
                raise RuntimeError("cannot close")

    records: list[AttemptRecord] = []
    attempts = Attempts([tier("small", Unclosable("small/a", []))])
    async with aclosing(attempts.run(journey("small"), calls(), observer(records))) as batches:
        assert await anext(batches) == [text("ok")]
    assert records[0].outcome is AttemptOutcome.IGNORED


def test_cheapest_first_equal_prices_in_order() -> None:
    """By price of the backend, else of the tier; equal prices keep the configuration's order."""
    of = tier("small", *(backend(f"small/{name}") for name in "abc"))
    prices = PriceSheet(
        {
            "small": Price(input=Decimal(2), output=Decimal(2)),
            "small/c": Price(input=Decimal(1), output=Decimal(4)),
        }
    )
    assert [each.name for each in cheapest_first(of, prices)] == ["small/c", "small/a", "small/b"]


async def test_the_cheapest_by_the_policy_of_the_moment_is_tried_first() -> None:
    """A new price list changes the order without a restart."""
    attempts = Attempts([tier("small", backend("small/a", [text("a")]), backend("small/b", [text("b")]))])
    dear = PriceSheet({"small/a": Price(input=Decimal(1), output=Decimal(1))})
    assert (await run(attempts, journey("small"))).chunks == [text("a")]
    assert (await run(attempts, journey("small", prices=dear))).chunks == [text("b")]


async def test_a_journey_without_a_decision_is_a_mistake() -> None:
    """Attempts need a decided journey."""
    undecided = journey("small")
    undecided.decision = None
    done = await run(Attempts([]), undecided)
    assert isinstance(done.error, ValueError)
    assert not isinstance(done.error, BackendError)


async def test_a_cut_answer_pays_for_what_the_engine_read() -> None:
    """The client leaves before any usage was reported: the input is paid by estimate, the output by pieces seen."""
    records: list[AttemptRecord] = []
    attempts = Attempts([tier("small", backend("small/a", [text("one")], [text(" two")], forever))])
    stream = attempts.run(journey("small"), calls(input_tokens=40), observer(records))
    async with aclosing(stream):
        await anext(stream)
        await anext(stream)
    assert records[0].outcome is AttemptOutcome.IGNORED
    assert records[0].usage == Usage(40, 0, 2)


async def test_an_attempt_that_failed_before_its_first_chunk_pays_nothing() -> None:
    """Nobody knows that the engine read anything."""
    done = await run(Attempts([tier("small", backend("small/a", GONE))]), journey("small"))
    assert done.records[0].usage == Usage()
