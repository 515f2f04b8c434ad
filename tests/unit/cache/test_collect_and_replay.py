from typing import Any

import pytest

from app.cache.collect import AnswerCollector, is_complete
from app.cache.replay import as_stream, as_whole
from app.domain import Chunk, Operation

USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
TOKEN = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}


def chat_chunk(index: int = 0, finish: str | None = None, logprobs: Any = None, **delta: Any) -> Chunk:
    choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [choice]}


def text_chunk(text: str, finish: str | None = None, logprobs: Any = None, index: int = 0) -> Chunk:
    choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}
    return {"id": "c1", "object": "text_completion", "created": 7, "model": "m", "choices": [choice]}


def call_part(index: int, arguments: str, id_: str | None = None, name: str | None = None) -> dict[str, Any]:
    head = {"id": id_, "type": "function"} if id_ else {}
    return {"index": index, **head, "function": {"arguments": arguments} | ({"name": name} if name else {})}


def collected(chunks: list[Chunk], operation: Operation = "chat", choices: int = 1) -> AnswerCollector:
    collector = AnswerCollector(operation, choices)
    for chunk in chunks:
        collector.feed([chunk])
    return collector


STREAM = [
    chat_chunk(role="assistant", content=""),
    chat_chunk(content="Hi", logprobs={"content": [TOKEN], "refusal": None}),
    chat_chunk(content=" there", logprobs={"content": [TOKEN], "refusal": None}),
    chat_chunk(finish="stop"),
    {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [], "usage": USAGE},
]


def test_a_stream_becomes_the_whole_body() -> None:
    """Text joined, log probabilities in a row, the reason of the end, the usage."""
    collector = collected(STREAM)
    assert collector.complete
    assert collector.body() == {
        "id": "c1",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi there"},
                "logprobs": {"content": [TOKEN, TOKEN]},
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }


def test_running_usage_counts_once() -> None:
    """The last usage is the whole one (vLLM's `continuous_usage_stats`)."""
    running = [{**chat_chunk(content="a"), "usage": {"completion_tokens": n}} for n in (1, 2)]
    assert collected(running).body()["usage"] == {"completion_tokens": 2}


def test_chunks_are_not_touched() -> None:
    """They go on to the client."""
    chunk = chat_chunk(tool_calls=[call_part(0, "{}", "c", "f")])
    before = repr(chunk)
    collected([chunk, chunk])
    assert repr(chunk) == before


def test_tool_calls_are_merged_by_index() -> None:
    """Arguments arrive in pieces, interleaved; content is null beside calls."""
    collector = collected(
        [
            chat_chunk(role="assistant", content=""),
            chat_chunk(tool_calls=[call_part(1, "", "b", "g")]),
            chat_chunk(tool_calls=[call_part(0, '{"x"', "a", "f"), call_part(1, "{}")]),
            chat_chunk(tool_calls=[call_part(0, ":1}")]),
            chat_chunk(finish="tool_calls"),
        ]
    )
    assert collector.complete
    assert collector.body()["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }


def test_reasoning_refusals_and_old_function_calls_are_kept() -> None:
    """Whatever text a delta carries is joined under its own name."""
    body = collected(
        [chat_chunk(reasoning_content="be"), chat_chunk(reasoning_content="cause"), chat_chunk(content="so")]
    ).body()
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "so", "reasoning_content": "because"}
    refused = collected([chat_chunk(refusal="I "), chat_chunk(refusal="won't", finish="stop")]).body()
    assert refused["choices"][0]["message"] == {"role": "assistant", "content": None, "refusal": "I won't"}
    old = collected(
        [chat_chunk(function_call={"name": "f", "arguments": "{"}), chat_chunk(function_call={"arguments": "}"})]
    )
    assert old.body()["choices"][0]["message"]["function_call"] == {"name": "f", "arguments": "{}"}


def test_several_choices_are_kept_apart() -> None:
    """Interleaved as they come; complete only when each has ended, and as many as were asked for."""
    parts = [chat_chunk(1, content="b"), chat_chunk(0, content="a"), chat_chunk(1, finish="stop")]
    assert not collected(parts, choices=2).complete
    done = collected([*parts, chat_chunk(0, finish="stop")], choices=2)
    assert done.complete
    assert [choice["message"]["content"] for choice in done.body()["choices"]] == ["a", "b"]
    assert not collected([*parts, chat_chunk(0, finish="stop")], choices=3).complete


def test_text_completions() -> None:
    """Text and their four lists of log probabilities."""
    logprobs = {"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": [{}], "text_offset": [0]}
    collector = collected([text_chunk("a", logprobs=logprobs), text_chunk("b", "stop", logprobs)], "text_completion")
    assert collector.complete
    [choice] = collector.body()["choices"]
    assert (collector.body()["object"], choice["text"], choice["finish_reason"]) == ("text_completion", "ab", "stop")
    assert choice["logprobs"]["tokens"] == ["a", "a"]


@pytest.mark.parametrize("reason", [None, "length", "content_filter", "abort", "error"])
def test_what_the_model_did_not_end_is_incomplete(reason: str | None) -> None:
    """Cut off, filtered, aborted or never ended: not to be stored."""
    assert not collected([chat_chunk(content="a", finish=reason)]).complete
    assert not is_complete(as_whole({"choices": [{"index": 0, "finish_reason": reason}]}, "r"))


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "function_call"])
def test_what_the_model_ended_is_complete(reason: str) -> None:
    """By its own will, in words or by a call."""
    assert collected([chat_chunk(content="a", finish=reason)]).complete


def test_a_refused_answer_is_incomplete() -> None:
    """It ended with `stop`, and nobody else shall be refused by it."""
    refused = collected([chat_chunk(refusal="I won't", finish="stop")])
    assert not refused.complete
    assert not is_complete(refused.body())


def test_nothing_and_errors_are_incomplete() -> None:
    """No chunk at all, a stream that broke after its end was said, an error body."""
    assert not collected([]).complete
    assert not collected([*STREAM, {"error": {"message": "boom"}}]).complete
    assert not collected([{"error": {"message": "boom"}}]).complete
    assert not is_complete({})


def test_a_whole_body_is_taken_as_it_is() -> None:
    """A plain answer passes through the same collector."""
    whole = collected(STREAM).body()
    collector = collected([whole])
    assert collector.complete
    assert collector.body() == whole
    assert collector.body() is not whole


BODIES: list[tuple[Operation, Chunk]] = [
    ("chat", collected(STREAM).body()),
    (
        "chat",
        collected(
            [
                chat_chunk(role="assistant", reasoning_content="hm"),
                chat_chunk(tool_calls=[call_part(0, "{}", "a", "f"), call_part(1, '{"y":2}', "b", "g")]),
                chat_chunk(1, content="other"),
                chat_chunk(finish="tool_calls"),
                chat_chunk(1, finish="stop"),
            ]
        ).body(),
    ),
    ("chat", collected([chat_chunk(content="", finish="stop")]).body()),
    (
        "text_completion",
        collected([text_chunk("ab", "stop"), text_chunk("c", "stop", index=1)], "text_completion").body(),
    ),
]


@pytest.mark.parametrize(("operation", "body"), BODIES)
@pytest.mark.parametrize("include_usage", [True, False])
def test_a_replay_collects_into_the_body_it_came_from(operation: Operation, body: Chunk, include_usage: bool) -> None:
    """Replayed and collected again: the same body, but for its id and time, and the usage where none was asked."""
    again = collected(as_stream(body, "new", include_usage, now=lambda: 9.5), operation, len(body["choices"])).body()
    without = body if include_usage else {name: value for name, value in body.items() if name != "usage"}
    assert again == {**without, "id": "new", "created": 9}


def test_a_replay_has_the_order_of_a_fresh_stream() -> None:
    """Role, content, end, usage with no choices; usage is null before that."""
    chunks = as_stream(collected(STREAM).body(), "new", True, now=lambda: 9)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert [chunk["usage"] for chunk in chunks] == [None, None, None, USAGE]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert deltas == [{"role": "assistant", "content": ""}, {"content": "Hi there"}, {}]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None, None, "stop"]
    assert chunks[-1]["choices"] == []


def test_without_usage_no_chunk_speaks_of_it() -> None:
    """A client that did not ask sees no field that it does not know."""
    assert all("usage" not in chunk for chunk in as_stream(collected(STREAM).body(), "new"))


def test_tool_calls_are_replayed_with_their_index() -> None:
    """Clients merge deltas by it."""
    calls = [
        chunk["choices"][0]["delta"]["tool_calls"]
        for chunk in as_stream(BODIES[1][1], "new")
        if "tool_calls" in chunk["choices"][0]["delta"]
    ]
    assert [[call["index"] for call in found] for found in calls] == [[0, 1]]


def test_a_whole_replay_is_new_by_id_and_time_only() -> None:
    """And the stored body stays as it was."""
    body = collected(STREAM).body()
    assert as_whole(body, "new", now=lambda: 9.9) == {**body, "id": "new", "created": 9}
    assert body["id"] == "c1"
