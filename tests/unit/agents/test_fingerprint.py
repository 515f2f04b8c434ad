"""What makes two steps the same, in conversations as agents have them."""

import time
from typing import Any

import pytest

from app.domain import Caller, GatewayRequest
from tests.unit.agents.transcripts import Agent, seen

SEARCH = ("search_orders", {"customer": 17, "open": True})


def test_the_same_call_in_a_longer_conversation_is_the_same() -> None:
    """The request never repeats; the call and its outcome do."""
    agent = Agent().take(SEARCH)
    first = agent.seen()
    again = agent.take(SEARCH, says="Let me try that again.").seen()
    assert (first.call, first.outcome) == (again.call, again.outcome)
    assert first.tools == "search_orders"


@pytest.mark.parametrize(
    "other",
    [
        '{"open":true,"customer":17}',
        ' { "customer": 17.0,\n "open": true } ',
        {"open": True, "customer": 17},
    ],
)
def test_arguments_are_compared_as_what_they_mean(other: Any) -> None:
    """White space, the order of names and the spelling of a number are nothing."""
    assert Agent().take(SEARCH).seen() == Agent().take((SEARCH[0], other)).seen()


@pytest.mark.parametrize(
    "other",
    [
        ("search_orders", {"customer": 18, "open": True}),
        ("search_orders", {"customer": 17, "open": True, "page": 2}),
        ("search_orders", {"customer": "17", "open": True}),
        ("list_orders", {"customer": 17, "open": True}),
        ("search_orders", "not JSON"),
        ("get_order", {"id": "6f1c2a34-0000-4000-8000-000000000002"}),
    ],
)
def test_another_argument_or_tool_is_another_call(other: Any) -> None:
    """Paging, and an id that is an argument."""
    assert Agent().take(SEARCH).seen().call != Agent().take(other).seen().call
    assert (
        Agent().take(("get_order", {"id": "6f1c2a34-0000-4000-8000-000000000001"})).seen().call
        != Agent().take(other).seen().call
    )


def test_another_result_is_another_outcome_of_the_same_call() -> None:
    """Polling: the call stays, what comes of it does not."""
    before, after = (Agent().take(SEARCH, result=f"{share} % done").seen() for share in (10, 20))
    assert before.call == after.call
    assert before.outcome != after.outcome


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "503 at 2026-01-05T10:00:00Z, request 6f1c2a34-0000-4000-8000-000000000001",
            "503 at 2026-01-05 10:00:07.113, request 7f1c2a34-0000-4000-8000-00000000000f",
        ),
        ('{"status":"open","checked":"2026-01-05T10:00:00Z"}', '{"status":"open","checked":"2026-01-05T10:00:09Z"}'),
    ],
)
def test_times_and_random_ids_in_a_result_are_no_news(one: str, other: str) -> None:
    """The same error, the same state."""
    assert Agent().take(SEARCH, result=one).seen() == Agent().take(SEARCH, result=other).seen()


def test_parallel_calls_have_no_order() -> None:
    """But two of them are not one of them."""
    a, b = ("a", {"x": 1}), ("b", {"x": 1})
    assert Agent().take(a, b).seen() == Agent().take(b, a).seen()
    assert Agent().take(a, b).seen().tools == "a, b"
    assert len({Agent().take(*calls).seen().call for calls in ((a,), (b,), (a, b), (a, a))}) == 4


def test_workers_who_share_a_session_are_told_apart_by_their_tasks() -> None:
    """Each of them lists the files first, and all see the same."""
    workers = [Agent(task=f"Fix bug {number}").take(("list_files", {"path": "."})).seen() for number in range(3)]
    assert len({worker.call for worker in workers}) == 3


def test_without_tools_it_is_what_was_said() -> None:
    """Agents that write their calls as text: the answer is the call, the reply the outcome."""
    steps = [
        Agent().talk(answer, reply).seen()
        for answer, reply in (
            ("Action: search[orders]", "Observation: none"),
            ("Action: search[orders]", "Observation: none"),
            ("Action: search[orders]", "Observation: one"),
            ("Action: search[invoices]", "Observation: none"),
        )
    ]
    assert steps[0] == steps[1]
    assert steps[0].call == steps[2].call != steps[3].call
    assert steps[0].outcome != steps[2].outcome


def test_before_anybody_spoke_it_is_the_whole_request() -> None:
    """By its canonical key: a nonce of the plumbing is nothing, another question is another request."""
    first, stamped, other = (
        Agent(task=f"[2026-01-05 10:00:{second}] {task} it.").seen()
        for second, task in ((10, "List"), (59, "List"), (59, "Sort"))
    )
    assert first == stamped
    assert first.call == first.outcome != other.call


def test_the_older_format_of_calls() -> None:
    """`function_call`, its result from the role `function`; and tools that take free text."""
    older, custom = Agent(), Agent()
    call = {"name": "search", "arguments": '{"q": "x"}'}
    older.messages += [
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "name": "search", "content": "none"},
    ]
    text = {"id": "c", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    custom.messages += [{"role": "assistant", "content": None, "tool_calls": [text]}]
    assert (older.seen().tools, custom.seen().tools) == ("search", "shell")
    assert older.seen().call != custom.seen().call


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "assistant"}],
        [{"role": "assistant", "tool_calls": [None, 3, {"function": "x"}, {}]}],
        [{"role": "assistant", "tool_calls": {"a": 1}, "content": [{"type": "text", "text": "hi"}, None, 7]}],
        [{"role": "assistant", "tool_calls": [{"function": {"name": 7, "arguments": "[" * 100_000}}]}],
        [{"role": "assistant", "tool_calls": [{"function": {"name": "\ud800", "arguments": "9" * 5_000}}]}],
        [None, "text", {"role": "user", "content": {"deep": [{"er": "2026-01-05T10:00"}]}}],
    ],
)
def test_no_conversation_breaks_it(messages: list[Any]) -> None:
    """Engines judge what they are sent; here everything has a fingerprint, the same each time."""
    request = GatewayRequest("r", "chat", {"model": "auto", "messages": messages}, Caller(session="s"))
    assert seen(request) == seen(request)


def test_a_text_completion_is_its_prompt() -> None:
    """There are no turns in it."""
    one, other = (
        seen(GatewayRequest("r", "text_completion", {"model": "auto", "prompt": text}, Caller(session="s")))
        for text in ("a", "b")
    )
    assert one.call == one.outcome != other.call


def test_a_large_result_takes_milliseconds() -> None:
    """A megabyte of times and near-times; measured 30 ms."""
    request = Agent().take(SEARCH, result="2026-01-05T10:00:00Z 2026-01-05T10 deadbeef-dead- " * 20_000).request()
    began = time.process_time()
    seen(request)
    assert time.process_time() - began < 2
