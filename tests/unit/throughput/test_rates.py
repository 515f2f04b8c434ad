"""The rates are those of the engine, whatever mix of tokens it was measured with."""

import asyncio
import json
from dataclasses import dataclass, field

import httpx
import pytest

from app.errors import ConfigError
from app.throughput.load import Target, Work, work
from app.throughput.prompts import questions, stories
from app.throughput.rates import Plan, measure, rates_of

PER_INPUT, PER_CACHED, PER_OUTPUT = 0.0001, 0.00001, 0.002


@dataclass
class Engine:
    """Takes its time for each token, one request after the other, on a clock of its own; a word is a token."""

    tells_cached: bool = True
    refuses: int = 0
    now: float = 0.0
    asked: list[dict[str, object]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        body = json.loads(request.content)
        self.asked.append(body)
        assert request.headers["x-leanserve-cache"] == "no-store, no-cache"
        if len(self.asked) <= self.refuses:
            return httpx.Response(429, text="no room")
        text = body["messages"][0]["content"]
        shared, words = text.rsplit("\n", 1)[0], len(text.split())
        cached = len(shared.split()) if shared in self.seen else 0
        self.seen.add(shared)
        self.now += (words - cached) * PER_INPUT + cached * PER_CACHED + body["max_tokens"] * PER_OUTPUT
        told = {"prompt_tokens_details": {"cached_tokens": cached}} if self.tells_cached else {}
        return httpx.Response(
            200, json={"usage": {"prompt_tokens": words, "completion_tokens": body["max_tokens"], **told}}
        )

    def target(self) -> Target:
        client = httpx.AsyncClient(base_url="http://engine/v1/", transport=httpx.MockTransport(self.answer))
        return Target(client, "m", lambda: self.now)


@pytest.mark.parametrize("at_once", [1, 4])
async def test_the_rates_of_a_known_engine_are_found(at_once: int) -> None:
    """10,000 input, 500 output, 100,000 cached tokens a second, as far as the edges of a phase allow."""
    found = await measure(Engine().target(), Plan(seconds=90, at_once=at_once))
    assert found.input == pytest.approx(1 / PER_INPUT, rel=0.02)
    assert found.output == pytest.approx(1 / PER_OUTPUT, rel=0.05)
    assert found.cached == pytest.approx(1 / PER_CACHED, rel=0.2)
    assert found.failures == 0


async def test_a_server_that_tells_no_cached_tokens_has_no_such_rate() -> None:
    """It is priced as other input then."""
    assert (await measure(Engine(tells_cached=False).target(), Plan(seconds=30))).cached is None


async def test_refusals_are_counted_and_nothing_answered_is_an_error() -> None:
    """One refusal is a bad moment; a server that only refuses is told in its own words."""
    found = await work(Engine(refuses=1).target(), questions(50, 0), 1, 1, 5)
    assert found.failures == ["status 429: no room"]
    assert found.answers > 100
    with pytest.raises(ConfigError, match=r"nothing was answered .status 429: no room"):
        await work(Engine(refuses=10**9).target(), questions(50, 0), 1, 2, 5)


async def test_an_answer_counts_by_the_part_of_its_time_within() -> None:
    """One answer of 4 s in a phase of 1 s: a quarter of its tokens."""
    engine = Engine()
    found = await work(engine.target(), iter(["a b"]), 2000, 1, 1)
    assert found.output == pytest.approx(500, rel=0.01)


def test_phases_that_contradict_each_other_are_taken_by_their_own_kind() -> None:
    """No negative seconds: each phase then costs its own tokens alone."""
    found = rates_of(Work(10, input=100, output=100), Work(1, input=50, output=100), Work(1))
    assert (found.input, found.output, found.cached) == (10, 100, None)


def test_prompts_differ_from_the_first_word_on() -> None:
    """No prefix cache knows them; equal seeds give equal prompts."""
    made = questions(20, 1)
    first = [next(made).split()[0] for _ in range(50)]
    assert len(set(first)) == 50
    assert next(questions(20, 1)) == next(questions(20, 1))
    assert next(stories(1)) != next(stories(2))
