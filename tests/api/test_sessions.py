"""Agents with the official client: a loop of calls, until LeanServe says that it is one."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import quote

import httpx
import openai
import pytest
from openai import OpenAI

from app.domain import BackendCall, Chunk
from app.errors import BackendBroken
from tests.api.conftest import Serve, client_of
from tests.api.test_routing import ask, router, tier_of
from tests.fakes_backends import ScriptedBackend
from tests.harness import Running, eventually, tier

TOOLS: Any = [{"type": "function", "function": {"name": "search_orders", "parameters": {"type": "object"}}}]
USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
STEP = {"session": "s1", "user": "ann"}
"""Headers of an agent, without their `x-leanserve-`."""


class CallingBackend:
    """A fake model that always wants the same tool, with the arguments that `arguments` has for the next call."""

    def __init__(self, name: str, *arguments: str) -> None:
        self.name = name
        self.calls: list[BackendCall] = []
        self._arguments = arguments

    async def send(self, call: BackendCall) -> AsyncGenerator[list[Chunk], None]:
        """A stream, or one body."""
        wanted = self._arguments[min(len(self.calls), len(self._arguments) - 1)]
        self.calls.append(call)
        function = {"name": "search_orders", "arguments": wanted}
        made = {"id": f"call_{len(self.calls)}", "type": "function", "function": function}
        if not call.stream:
            message = {"role": "assistant", "content": None, "tool_calls": [made]}
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
            yield [
                {
                    "id": "c",
                    "object": "chat.completion",
                    "created": 0,
                    "model": "m",
                    "choices": [choice],
                    "usage": USAGE,
                }
            ]
            return
        delta = {"role": "assistant", "tool_calls": [{"index": 0, **made}]}
        yield [chunk({"index": 0, "delta": delta, "finish_reason": None})]
        yield [chunk({"index": 0, "delta": {}, "finish_reason": "tool_calls"})]
        yield [{**chunk(), "usage": USAGE}]

    async def ready(self) -> bool:
        return True


def chunk(*choices: Any) -> Chunk:
    """One of a stream."""
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": list(choices)}


def headers(**said: str) -> dict[str, str]:
    """As they go over the wire."""
    return {f"x-leanserve-{name.replace('_', '-')}": value for name, value in {**STEP, **said}.items()}


def agent(client: OpenAI, result: Any = "[]", *, steps: int = 30, **said: str) -> int:
    """Run as agents do: send the conversation, do what the model wants, append what came of it. The steps it took."""
    messages: list[Any] = [{"role": "user", "content": "Where is order 17?"}]
    for number in range(steps):
        answer = client.chat.completions.create(
            model="auto", messages=messages, tools=TOOLS, extra_headers=headers(**said)
        )
        message = answer.choices[0].message
        messages.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls or ():
            content = result(number) if callable(result) else result
            messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
    return steps


def looping(serve: Serve, *arguments: str, **options: Any) -> tuple[Running, CallingBackend]:
    """A gateway whose cheap tier calls the same tool for ever."""
    model = CallingBackend("small/echo", *(arguments or ('{"customer": 17}',)))
    return serve(backends={"small/echo": model}, **options), model


def look(running: Running, name: str = "s1", **said: str) -> httpx.Response:
    """The session's page."""
    assert eventually(lambda: not running.gateway._background._tasks)
    return httpx.get(f"{running.url}/v1/sessions/{name}", headers=headers(**said))


def test_an_agent_in_a_loop_is_stopped(serve: Serve) -> None:
    """The client does not try again by itself, the model was called no more often, and the author can read why."""
    running, model = looping(serve)
    client = OpenAI(base_url=f"{running.url}/v1", api_key="local")  # with its own retries
    with pytest.raises(openai.PermissionDeniedError) as raised:
        agent(client)
    error: Any = raised.value.body
    assert len(model.calls) == 5, "the question, and four answers to the same call"
    assert (error["code"], error["type"]) == ("agent_loop", "session_stopped")
    assert (
        "the same call (tool search_orders with the same arguments and the same outcome) came 5 times"
        in error["message"]
    )
    assert "order 17" not in error["message"]
    assert raised.value.response.headers["x-should-retry"] == "false"
    found = look(running).json()
    assert (found["steps"], found["stopped"]["rule"], found["stopped"]["message"]) == (5, "repeats", error["message"])
    with pytest.raises(openai.PermissionDeniedError):
        agent(client, "something else now")
    assert len(model.calls) == 5


def test_an_agent_that_pages_is_not(serve: Serve) -> None:
    """Each call has another argument."""
    running, _ = looping(serve, *(f'{{"page": {page}}}' for page in range(40)))
    assert agent(client_of(running)) == 30


def test_an_agent_that_polls_has_twenty_looks(serve: Serve) -> None:
    """At what changes."""
    running, model = looping(serve)
    with pytest.raises(openai.PermissionDeniedError, match=r"sessions.loops.polls \(now 20\)"):
        agent(client_of(running), lambda number: f"{number} % done")
    assert len(model.calls) == 20


def test_the_same_request_again_and_again_is_a_loop_though_it_costs_nothing(serve: Serve) -> None:
    """The cache answers it; the agent goes round in circles all the same."""
    running = serve()
    client = client_of(running)

    def one() -> str:
        answer = client.chat.completions.with_raw_response.create(
            model="small", messages=[{"role": "user", "content": "Hello"}], extra_headers=headers()
        )
        return str(answer.headers["x-leanserve-cache"])

    assert one() == "miss"
    assert eventually(lambda: not running.gateway._background._tasks)
    assert [one() for _ in range(3)] == ["exact"] * 3
    with pytest.raises(openai.PermissionDeniedError):
        one()
    found = look(running).json()
    assert (found["steps"], found["cached"], found["tiers"]) == (1, 3, {"small": 4})


def test_the_clients_own_retries_are_no_loop(serve: Serve) -> None:
    """A model that fails twelve times, and a client that tries again each time."""
    gone: Any = [BackendBroken("gone")]
    done: Any = [
        [chunk({"index": 0, "delta": {"content": "yes"}, "finish_reason": "stop"})],
        [{**chunk(), "usage": USAGE}],
    ]
    broken = ScriptedBackend("small/echo", [gone] * 12 + [done])
    running = serve(
        backends={"small/echo": broken},
        config={"tiers": [tier("small")]},
        policy={"attempts": {"breaker_failures": 1000}},
    )
    client = OpenAI(base_url=f"{running.url}/v1", api_key="local", max_retries=0)
    for _ in range(12):
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(
                model="small", messages=[{"role": "user", "content": "Hello"}], extra_headers=headers()
            )
        assert eventually(lambda: not running.gateway._background._tasks)
    answer = client.chat.completions.create(
        model="small", messages=[{"role": "user", "content": "Hello"}], extra_headers=headers()
    )
    assert answer.choices[0].message.content == "yes"


def test_hard_limits_hold_for_a_session_and_all_below_it(serve: Serve) -> None:
    """Steps at once, of a session and its children: as many as the limit allows reach the model, whoever makes them."""
    running = serve(policy={"sessions": {"max_steps": 7}})

    async def one(http: httpx.AsyncClient, number: int) -> httpx.Response:
        below = {"session": f"child-{number % 3}", "parent_session": "s1"} if number % 2 else {}
        body = {"model": "small", "messages": [{"role": "user", "content": f"Task {number}"}]}
        return await http.post(f"{running.url}/v1/chat/completions", json=body, headers=headers(**below))

    async def all_at_once() -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=60) as http:
            return list(await asyncio.gather(*(one(http, number) for number in range(30))))

    answers = asyncio.run(all_at_once())
    assert sorted({each.status_code for each in answers}) == [200, 403]
    assert sum(each.status_code == 200 for each in answers) == 7
    refused = next(each for each in answers if each.status_code == 403)
    assert refused.json()["error"]["code"] == "session_stopped"
    assert "sessions.max_steps, 7 steps, 0 steps left" in refused.json()["error"]["message"]
    found = look(running).json()
    assert found["limits"] == [
        {
            "rule": "max_steps",
            "scope": "tenant=default,session=s1",
            "window": "total",
            "amount": 7,
            "spent": 7,
            "held": 0,
            "left": 0,
        }
    ]
    assert (found["steps"], found["stopped"]["rule"]) == (7, "max_steps")


def test_a_session_that_is_refused_says_that_it_is_stopped(serve: Serve) -> None:
    """Though a little is left: less than any such step needs."""
    running = serve(policy={"sessions": {"max_usd": "0.00005"}})
    answers = [ask(running, f"step {number}", headers=STEP, model="small") for number in range(6)]
    assert (answers[0].status_code, answers[-1].status_code) == (200, 403)
    found = look(running).json()
    assert found["stopped"]["rule"] == "max_usd"
    assert 0 < float(found["limits"][0]["left"]) < float("0.00005")
    assert f"{found['limits'][0]['left']} USD left and this step needs" in answers[-1].json()["error"]["message"]


def test_what_a_session_spent_is_what_the_books_say(serve: Serve) -> None:
    """Tokens and dollars, by its own record and by the ledger's counters."""
    model = CallingBackend("small/echo", '{"page": 1}', '{"page": 2}', '{"page": 3}')
    running = serve(
        backends={"small/echo": model}, policy={"sessions": {"max_tokens": 10_000, "max_usd": "1", "max_seconds": 600}}
    )
    agent(client_of(running), steps=3)
    found = look(running).json()
    assert found["spend"] == {"input_tokens": 60, "output_tokens": 15, "tokens": 75, "usd": "0.000090"}
    assert (found["steps"], found["tiers"], found["depth"], found["parent"]) == (3, {"small": 3}, 0, None)
    tokens, usd, clock = found["limits"]
    assert (tokens["rule"], tokens["spent"], tokens["left"], tokens["held"]) == ("max_tokens", 75, 9_925, 0)
    assert (usd["rule"], usd["spent"], usd["left"]) == ("max_usd", "0.000090", "0.999910")
    assert clock["rule"] == "max_seconds"
    assert 0 < clock["left"] < 600
    assert found["started_at"] <= found["last_step_at"]
    assert found["stopped"] is None


@pytest.mark.parametrize("other", [{"user": "bob"}, {"user": ""}, {"tenant": "other"}, {"team": "red"}])
def test_a_session_is_its_own_users(serve: Serve, other: dict[str, str]) -> None:
    """Others cannot read it; of its own tenant they cannot take a step in it either."""
    running = serve()
    assert ask(running, headers=STEP).status_code == 200
    missing = look(running, "nobody").json()["error"]
    found = look(running, **other)
    assert (found.status_code, found.json()["error"]) == (404, {**missing, "message": "no session 's1'"})
    step = ask(running, headers={**STEP, **other})
    assert step.status_code == (200 if "tenant" in other else 403)
    if step.status_code == 403:
        assert step.json()["error"]["code"] == "session_taken"
    assert look(running).json()["steps"] == 1


@pytest.mark.parametrize("name", ["a/b c", "ü%2F", "..%2f", "*", "s1?x"])
def test_any_name_is_found_again(serve: Serve, name: str) -> None:
    """Whatever a client calls it."""
    running = serve()
    body = {
        "model": "small",
        "messages": [{"role": "user", "content": "x"}],
        "metadata": {"session": name, "user": "ann"},
    }
    assert httpx.post(f"{running.url}/v1/chat/completions", json=body).status_code == 200
    assert eventually(lambda: not running.gateway._background._tasks)
    found = httpx.get(f"{running.url}/v1/sessions/{quote(name, safe='')}", headers={"x-leanserve-user": "ann"})
    assert (found.status_code, found.json().get("id")) == (200, name)


def test_downgrade_goes_on_cheaply(serve: Serve) -> None:
    """A loop of hard steps costs the cheapest tier from then on, and its answers are nobody else's."""
    running = serve(router=router(), policy={"sessions": {"on_stop": "downgrade", "loops": {"repeats": 2}}})
    assert tier_of(ask(running, "hard", headers=STEP)) == "large"
    for _ in range(2):
        answer = ask(running, "hard", headers=STEP)
        assert tier_of(answer) == "small"
        assert answer.headers["x-leanserve-route-reason"] == "session: agent loop"
    assert tier_of(ask(running, "hard")) == "large"
    for refused in ({"model": "large"}, {"headers": {**STEP, "step": "critical"}}):
        assert ask(running, "hard", **{"headers": STEP, **refused}).status_code == 403
    lesser = ask(running, "hard", headers={**STEP, "cache": ""})
    assert tier_of(lesser) == "small"
    assert eventually(lambda: not running.gateway._background._tasks)
    assert ask(running, "hard", headers={"cache": ""}).headers["x-leanserve-cache"] == "miss"


def test_routine_steps_are_cheap_and_move_no_session(serve: Serve) -> None:
    """Below the session's tier, which stays; a critical one goes to the best."""
    running = serve(router=router())
    assert tier_of(ask(running, "hard", headers=STEP)) == "large"
    assert eventually(lambda: ask(running, path="/v1/route", headers=STEP).json()["session_tier"] == "large")
    routine = ask(running, "hard too", headers={**STEP, "step": "routine"})
    assert (tier_of(routine), routine.headers["x-leanserve-route-reason"]) == ("small", "routine step")
    assert tier_of(ask(running, "easy", headers=STEP)) == "large"
    critical = ask(running, "easy one", headers={"step": "critical"})
    assert (tier_of(critical), critical.headers["x-leanserve-route-reason"]) == ("large", "critical step")
    dry = ask(running, "easy", path="/v1/route", headers={**STEP, "step": "routine"}).json()
    assert (dry["tier"], dry["session_tier"], dry["reason"]) == ("small", "large", "routine step")


def test_what_a_routine_step_got_is_no_answer_to_a_critical_one(serve: Serve) -> None:
    """They are cached apart."""
    running = serve(router=router())
    for kind, expected in (("routine", "small"), ("critical", "large")):
        for cache in ("miss", "exact"):
            answer = ask(running, "the same", headers={"step": kind, "cache": ""})
            assert (answer.headers["x-leanserve-cache"], tier_of(answer)) == (cache, expected)
            assert eventually(lambda: not running.gateway._background._tasks)


def test_a_critical_step_is_refused_rather_than_answered_by_less(serve: Serve) -> None:
    """Where less is left than a token of the best tier costs with its input: others are answered by the cheap one."""
    budget = {"usd": "0.000025", "window": "total", "on_limit": "downgrade"}
    running = serve(router=router(), policy={"budgets": [budget]})
    assert ask(running, "hard", headers={"step": "critical"}).status_code == 429
    assert tier_of(ask(running, "hard")) == "small"


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"step": "maybe"}, "x-leanserve-step"),
        ({"depth": "-1"}, "x-leanserve-depth"),
        ({"depth": "9" * 400}, "x-leanserve-depth"),
        ({"depth": "1e3"}, "x-leanserve-depth"),
        ({"parent_session": "s1"}, "x-leanserve-parent-session"),
        ({"parent_session": "x" * 129}, "x-leanserve-parent-session"),
        ({"session": "", "parent_session": "p"}, "x-leanserve-parent-session"),
    ],
)
def test_wrong_headers_are_refused_and_change_nothing(serve: Serve, said: dict[str, str], param: str) -> None:
    """400, naming the header."""
    running = serve()
    sent = headers(**said)
    body = {"model": "small", "messages": [{"role": "user", "content": "x"}]}
    answer = httpx.post(f"{running.url}/v1/chat/completions", json=body, headers=sent)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert look(running).status_code == 404
    assert running.backends["small/echo"].stats().started == 0


def test_a_depth_too_deep_is_stopped_without_a_session(serve: Serve) -> None:
    """The header alone suffices."""
    running = serve(policy={"sessions": {"max_depth": 2}})
    assert ask(running, headers={"depth": "2"}).status_code == 200
    answer = ask(running, headers={"depth": "3"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "session_stopped")


def test_a_client_that_leaves_a_stream_has_taken_a_step(serve: Serve) -> None:
    """It is booked with what was produced."""
    endless = ScriptedBackend(
        "small/echo",
        [
            [
                [chunk({"index": 0, "delta": {"content": "a"}})],
                [chunk({"index": 0, "delta": {"content": "b"}})],
                lambda: asyncio.sleep(60),
            ]
        ],
    )
    running = serve(backends={"small/echo": endless})
    body = {"model": "small", "stream": True, "messages": [{"role": "user", "content": "go on"}]}
    with httpx.stream("POST", f"{running.url}/v1/chat/completions", json=body, headers=headers()) as answer:
        next(answer.iter_lines())
    assert eventually(lambda: endless.closed == 1)
    assert eventually(lambda: look(running).json()["steps"] == 1)
    assert look(running).json()["spend"]["output_tokens"] > 0
