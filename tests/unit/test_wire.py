"""What a backend is sent of what a client said, and what a client is given of an answer that was ended."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from app.config.policy import Policy
from app.domain import BudgetExceeded, Chunk, GatewayRequest, Limit, Operation, Scope, Unit, Usage
from app.errors import BudgetRefused
from app.journey import AttemptRecord, Journey
from app.wire import Ending, as_asked, backend_payload, finish, visible

BOTH = {"max_completion_tokens": 50, "max_tokens": 900}


def maxima(operation: Operation, cap: int, **payload: Any) -> dict[str, Any]:
    sent = backend_payload(GatewayRequest("r", operation, {"model": "auto", **payload}), "theirs", cap, stream=False)
    return {name: value for name, value in sent.items() if name.startswith("max_")}


@pytest.mark.parametrize(
    ("payload", "cap", "sent"),
    [
        ({}, 64, {"max_tokens": 64}),
        ({"max_tokens": 7}, 64, {"max_tokens": 7}),
        ({"max_tokens": 900}, 64, {"max_tokens": 64}),
        ({"max_completion_tokens": 900}, 64, {"max_completion_tokens": 64}),
        ({"max_completion_tokens": None, "max_tokens": 900}, 64, {"max_tokens": 64}),
        (BOTH, 64, {"max_completion_tokens": 50, "max_tokens": 50}),
        (BOTH, 10, {"max_completion_tokens": 10, "max_tokens": 10}),
        ({"max_tokens": -5}, 64, {"max_tokens": 64}),
    ],
)
def test_a_chat_never_gets_more_than_its_cap(payload: dict[str, Any], cap: int, sent: dict[str, int]) -> None:
    """In the fields that the client used: a stand-in with a longer context produces no more than was reserved."""
    assert maxima("chat", cap, **payload) == sent


@pytest.mark.parametrize(
    ("payload", "sent"), [(BOTH, 64), ({"max_completion_tokens": 5}, 64), ({"max_tokens": 5}, 5), ({}, 64)]
)
def test_a_text_completion_is_told_its_maximum_once(payload: dict[str, Any], sent: int) -> None:
    """The field that does not count there is not sent."""
    assert maxima("text_completion", 64, **payload) == {"max_tokens": sent}


def test_the_rest_travels_as_it_came() -> None:
    """But for our own fields, and those that say nothing."""
    ours = {"user": "u", "stop": None, "service_tier": "priority"}
    request = GatewayRequest("r", "chat", {"model": "auto", "top_k": 3, **ours, "messages": []})
    rest = {"model": "theirs", "top_k": 3, "messages": [], "max_tokens": 8}
    assert backend_payload(request, "theirs", 8, stream=False) == {**rest, "stream": False}


def test_a_backend_may_stream_to_a_client_that_does_not() -> None:
    """With usage as it goes, whatever the client said of its own stream."""
    asked = GatewayRequest("r", "chat", {"model": "auto", "stream_options": {"include_usage": False}})
    sent = backend_payload(asked, "theirs", 8, stream=True)
    assert sent["stream"] is True
    assert sent["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
    assert "stream_options" not in backend_payload(asked, "theirs", 8, stream=False)


LIMIT = Limit(Scope("acme"), Unit.TOKENS, 100)
WHY = BudgetRefused(BudgetExceeded(LIMIT, 0, 1, None))
ENVELOPE = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def chunk(index: int = 0, finish: str | None = None, **delta: Any) -> Chunk:
    return {**ENVELOPE, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}]}


def said(index: int = 0, finish: str | None = None, text: str = "") -> Chunk:
    """A chunk of a text completion."""
    choice = {"index": index, "text": text, "logprobs": None, "finish_reason": finish}
    return {**ENVELOPE, "object": "text_completion", "choices": [choice]}


def stopped(operation: Operation = "chat", **payload: Any) -> Journey:
    """A request whose answer was ended after 2 + 3 tokens."""
    journey = Journey(GatewayRequest("r", operation, {"model": "auto", **payload}), Policy())
    journey.attempts.append(AttemptRecord("small", "small/echo", "m", usage=Usage(2, 0, 3)))
    journey.stopped = WHY
    return journey


def ended(journey: Journey, *given: Chunk) -> list[Chunk]:
    """The end of an answer of which this was given."""
    ending = Ending(journey)
    ending.feed(list(given))
    return ending.chunks()


def shown(journey: Journey, *given: Chunk) -> list[Chunk]:
    """All that the client of a stream gets, after `given` and the end."""
    chunks, last = visible([dict(each) for each in [*given, *ended(journey, *given)]], None, stream=True)
    return [*chunks, *finish(journey, last)]


async def whole(journey: Journey, *given: Chunk) -> Chunk:
    """What the client of a plain request gets."""

    async def batches() -> AsyncGenerator[list[Chunk], None]:
        for each in [*given, *ended(journey, *given)]:
            yield [each]

    [[body]] = [parts async for parts in as_asked(journey.request, batches())]
    chunks, last = visible([body], None, stream=False)
    assert chunks == []
    [done] = finish(journey, last)
    return done


END = {"finish_reason": "length", "stop_reason": "budget_exceeded"}
USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}


def test_nothing_to_end_where_nothing_came() -> None:
    """Then the answer is an error with a status."""
    ending = Ending(stopped(stream=True))
    assert not ending.begun
    ending.feed([chunk(role="assistant", content="")])
    assert ending.begun


def test_a_stream_that_is_ended_says_so_in_its_last_chunk() -> None:
    """An ordinary end by length, as OpenAI's clients know it; the cause, the usage and the limit stand beside it."""
    first, second, last = shown(stopped(stream=True), chunk(role="assistant", content=""), chunk(content="a"))
    assert (first["choices"][0]["delta"]["role"], second["choices"][0]["delta"]) == ("assistant", {"content": "a"})
    assert {name: last[name] for name in ENVELOPE} == ENVELOPE
    assert last["choices"] == [{"index": 0, "delta": {}, "logprobs": None, **END}]
    assert last["usage"] == USAGE
    assert last["leanserve"]["stopped"]["code"] == "budget_exceeded"
    assert not [name for name in last if name.startswith("leanserve.")]


def test_who_asked_for_usage_gets_it_where_it_is_expected() -> None:
    """In a chunk of its own without choices, the last one."""
    _, end, last = shown(stopped(stream=True, stream_options={"include_usage": True}), chunk(content="a"))
    assert end["choices"] == [{"index": 0, "delta": {}, "logprobs": None, **END}]
    assert "usage" not in end
    assert (last["choices"], last["usage"]) == ([], USAGE)
    assert last["leanserve"]["stopped"]["code"] == "budget_exceeded"


def test_only_open_choices_are_ended() -> None:
    """Of three one had ended by itself, and one never began."""
    given = [chunk(0, content="a"), chunk(2, content="b"), chunk(0, "stop")]
    [end] = ended(stopped(stream=True, n=3), *given)
    assert [choice["index"] for choice in end["choices"]] == [2]


def test_a_text_completion_ends_as_one() -> None:
    """It has no delta."""
    [*_, end] = shown(stopped("text_completion", stream=True), said(text="a"))
    assert end["object"] == "text_completion"
    assert end["choices"] == [{"index": 0, "text": "", "logprobs": None, **END}]


async def test_a_plain_answer_is_what_came_until_then() -> None:
    """One whole body, as if the engine had ended it by length."""
    body = await whole(stopped(), chunk(role="assistant", content=""), chunk(content="a"), chunk(content=" b"))
    assert body["object"] == "chat.completion"
    message = {"role": "assistant", "content": "a b"}
    assert body["choices"] == [{"index": 0, "message": message, "logprobs": None, **END}]
    assert body["usage"] == USAGE
    assert body["leanserve"]["stopped"]["code"] == "budget_exceeded"


async def test_a_plain_answer_of_two_choices_keeps_the_one_that_was_done() -> None:
    """Each ends by its own reason."""
    given = [chunk(0, content="a"), chunk(1, content="b"), chunk(1, "stop"), chunk(0, content="c")]
    body = await whole(stopped(n=2), *given)
    assert [choice["message"]["content"] for choice in body["choices"]] == ["ac", "b"]
    assert [choice["finish_reason"] for choice in body["choices"]] == ["length", "stop"]


async def test_a_plain_text_completion_that_is_ended() -> None:
    """Text, not a message."""
    body = await whole(stopped("text_completion"), said(text="a"), said(text=" b"))
    assert (body["object"], body["choices"][0]["text"]) == ("text_completion", "a b")
    assert body["choices"][0]["finish_reason"] == "length"


async def test_a_tool_call_that_is_ended_is_told_as_far_as_it_came() -> None:
    """With its reason: arguments that break off are no arguments, and `length` says so."""
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a'}}
    more = {"index": 0, "function": {"arguments": '": 1'}}
    body = await whole(stopped(), chunk(tool_calls=[call]), chunk(tool_calls=[more]))
    [choice] = body["choices"]
    assert choice["message"]["tool_calls"] == [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1'}}
    ]
    assert (choice["message"]["content"], choice["finish_reason"]) == (None, "length")


async def test_a_stream_goes_as_it_comes_and_an_answer_of_nothing_is_none() -> None:
    """`as_asked` collects for plain requests alone, and makes no body of no chunks."""

    async def batches(*given: Chunk) -> AsyncGenerator[list[Chunk], None]:
        for each in given:
            yield [each]

    streams = GatewayRequest("r", "chat", {"stream": True})
    given = [chunk(content="a"), chunk(finish="stop")]
    assert [parts async for parts in as_asked(streams, batches(*given))] == [[each] for each in given]
    assert [parts async for parts in as_asked(GatewayRequest("r", "chat", {}), batches())] == []


async def test_a_whole_body_stays_as_it_is() -> None:
    """From a backend that was not asked for a stream."""
    body = {
        "id": "x",
        "choices": [{"index": 0, "message": {"content": "a"}, "prompt_logprobs": [None]}],
        "usage": USAGE,
    }

    async def batches() -> AsyncGenerator[list[Chunk], None]:
        yield [body]

    assert [parts async for parts in as_asked(GatewayRequest("r", "chat", {}), batches())] == [[body]]
