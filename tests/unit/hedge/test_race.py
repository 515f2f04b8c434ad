"""Of two answers the one that begins first, and what becomes of the other."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import pytest

from app.config.policy import AttemptPolicy
from app.domain import Chunk
from app.errors import (
    AnswerStopped,
    BackendBroken,
    BackendRejected,
    BackendUnreachable,
    BudgetRefused,
    HedgeLost,
    LeanServeError,
    StoreUnavailable,
)
from app.hedge.race import Leg, raced
from app.tiers.patience import Patience
from tests.fakes_backends import FakeClock, text
from tests.unit.test_errors import EXCEEDED

SOON_S = 0.01
NEVER_S = 60.0
GONE = BackendUnreachable("gone")


class Answer:
    """A fake answer: it begins when `go` is set, and says `words`, or raises `fault` before or after the first."""

    def __init__(self, *words: str, fault: Exception | None = None, late: Exception | None = None) -> None:
        self.go, self.patience = asyncio.Event(), Patience(AttemptPolicy(), FakeClock())
        self.ended = ""
        self.won = False
        self._words, self._fault, self._late = words, fault, late

    def leg(self) -> Leg:
        return Leg(self._run(), self.patience, self._is_given)

    def _is_given(self) -> HedgeLost:
        self.won = True
        return HedgeLost(7)

    async def _run(self) -> AsyncGenerator[list[Chunk], None]:
        try:
            async with self.patience.waiting("first"):
                await self.go.wait()
            if self._fault:
                raise self._fault
            for word in self._words:
                yield [text(word)]
            if self._late:
                raise self._late
            self.ended = "whole"
        except AnswerStopped as stopped:
            self.ended = stopped.why.code
            raise stopped.why from None
        except (GeneratorExit, asyncio.CancelledError):
            self.ended = self.patience.stopped.code if self.patience.stopped else "client_left"
            raise
        except LeanServeError as error:
            self.ended = error.code
            raise


def ready(*words: str, **faults: Exception) -> Answer:
    answer = Answer(*words, **faults)
    answer.go.set()
    return answer


async def words(first: Answer, second: Answer | None, after_s: float = SOON_S) -> list[str]:
    """What is given."""
    late: Callable[[], Leg | None] = second.leg if second else lambda: None
    async with aclosing(raced(first.leg(), after_s, late)) as batches:
        return [chunk["choices"][0]["delta"]["content"] async for batch in batches for chunk in batch]


async def test_who_begins_in_time_has_nobody_beside_it() -> None:
    first, second = ready("a", "b"), ready("c")
    assert await words(first, second, NEVER_S) == ["a", "b"]
    assert (first.won, second.ended) == (False, "")


async def test_the_second_answers_where_the_first_shows_nothing() -> None:
    """And the first knows that it was outrun, not that its client left."""
    first, second = Answer("a"), ready("c", "d")
    assert await words(first, second) == ["c", "d"]
    assert (second.won, first.won, first.ended) == (True, False, "hedge_lost")


async def test_the_first_may_still_win() -> None:
    first, second = Answer("a", "b"), Answer("c")
    asyncio.get_running_loop().call_later(3 * SOON_S, first.go.set)
    assert await words(first, second) == ["a", "b"]
    assert (first.won, second.won, second.ended) == (True, False, "hedge_lost")


async def test_without_a_second_the_first_is_waited_for() -> None:
    """It has won nothing: which of its attempts answers is not known yet."""
    first = Answer("a")
    asyncio.get_running_loop().call_later(3 * SOON_S, first.go.set)
    assert await words(first, None) == ["a"]
    assert not first.won


async def test_both_at_once_the_first_is_given() -> None:
    """Its account holds already; the other is ended though it has begun."""
    first, second = Answer("a"), Answer("c")

    def both() -> None:
        first.go.set()
        second.go.set()

    asyncio.get_running_loop().call_later(3 * SOON_S, both)
    assert await words(first, second) == ["a"]
    assert (second.won, second.ended) == (False, "hedge_lost")


@pytest.mark.parametrize("fault", [BudgetRefused(EXCEEDED), StoreUnavailable("away"), GONE, KeyError("a bug")])
async def test_a_second_that_fails_is_as_if_it_had_never_been(fault: Exception) -> None:
    first, second = Answer("a"), ready(fault=fault)
    asyncio.get_running_loop().call_later(5 * SOON_S, first.go.set)
    assert await words(first, second) == ["a"]


async def test_a_first_that_fails_waits_for_the_second() -> None:
    first, second = Answer(fault=GONE), Answer("c")
    asyncio.get_running_loop().call_later(3 * SOON_S, first.go.set)
    asyncio.get_running_loop().call_later(6 * SOON_S, second.go.set)
    assert await words(first, second) == ["c"]


@pytest.mark.parametrize("fault", [BackendRejected("wrong", 422, "temperature"), StoreUnavailable("away")])
async def test_what_no_other_backend_mends_is_raised_at_once(fault: Exception) -> None:
    first, second = Answer(fault=fault), Answer("c")
    asyncio.get_running_loop().call_later(3 * SOON_S, first.go.set)
    with pytest.raises(type(fault)):
        await words(first, second)
    assert second.ended == "hedge_lost"


async def test_where_both_fail_the_first_says_why() -> None:
    first, second = Answer(fault=GONE), ready(fault=BackendBroken("no"))
    asyncio.get_running_loop().call_later(3 * SOON_S, first.go.set)
    with pytest.raises(BackendUnreachable):
        await words(first, second)


async def test_a_first_that_failed_in_time_has_nobody_beside_it() -> None:
    """It tried all backends of its tiers."""
    second = ready("c")
    with pytest.raises(BackendUnreachable):
        await words(ready(fault=GONE), second, NEVER_S)
    assert not second.won


async def test_what_breaks_later_is_raised() -> None:
    """An answer that has begun is not begun again."""
    first, second = Answer("a"), ready("c", late=GONE)
    with pytest.raises(BackendUnreachable):
        await words(first, second)
    assert (first.ended, second.ended) == ("hedge_lost", "backend_unavailable")


@pytest.mark.parametrize(
    ("silent", "given"),
    [
        pytest.param({"delta": {"role": "assistant", "content": ""}}, ["c"], id="a role is no token"),
        pytest.param({"delta": {}}, ["c"], id="nothing"),
        pytest.param({"delta": {"content": "a"}}, ["a"], id="a token"),
        pytest.param({"delta": {"tool_calls": [{"index": 0}]}}, [None], id="a tool's"),
        pytest.param({"delta": {}, "finish_reason": "stop"}, [None], id="an end"),
        pytest.param({"text": "a"}, ["a"], id="of a text completion"),
    ],
)
async def test_what_has_begun(silent: Chunk, given: list[str | None]) -> None:
    """An upstream that names the role at once and is silent then shows nothing."""
    first, second, ends = Answer("a"), ready("c"), asyncio.Event()

    async def says() -> AsyncGenerator[list[Chunk], None]:
        yield [{"choices": [{"index": 0, "finish_reason": None, **silent}]}]
        async with first.patience.waiting("next"):
            await ends.wait()

    asyncio.get_running_loop().call_later(5 * SOON_S, ends.set)
    leg = Leg(says(), first.patience, first._is_given)
    async with aclosing(raced(leg, SOON_S, second.leg)) as batches:
        chunks = [chunk async for batch in batches for chunk in batch]
    choices = [chunk["choices"][0] for chunk in chunks]
    assert [each.get("text") or each["delta"].get("content") for each in choices] == given


async def test_a_client_that_leaves_ends_both() -> None:
    """While neither has begun: both learn that nobody waits."""
    first, second = Answer("a"), Answer("c")
    task = asyncio.create_task(words(first, second))
    await asyncio.sleep(5 * SOON_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (first.ended, second.ended) == ("client_left", "client_left")


async def test_a_client_that_leaves_in_the_middle_ends_the_winner() -> None:
    first, second = Answer("a"), ready("c", "d")
    batches = raced(first.leg(), SOON_S, second.leg)
    assert await anext(batches) == [text("c")]
    await batches.aclose()
    assert (first.ended, second.ended) == ("hedge_lost", "client_left")


async def test_a_loser_that_takes_its_time_is_waited_for_behind_the_answer() -> None:
    """What it spent belongs to the request: the books of a request that is over are complete."""
    first, second = Answer("a"), ready("c")
    slow = asyncio.Event()
    asyncio.get_running_loop().call_later(5 * SOON_S, slow.set)

    async def reluctant() -> AsyncGenerator[list[Chunk], None]:
        try:
            async with first.patience.waiting("first"):
                await first.go.wait()
            yield []
        finally:
            await slow.wait()
            first.ended = "closed"

    batches = raced(Leg(reluctant(), first.patience, first._is_given), SOON_S, second.leg)
    assert await anext(batches) == [text("c")]
    assert first.ended == ""
    assert [batch async for batch in batches] == []
    assert first.ended == "closed"
