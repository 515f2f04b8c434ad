"""Fake answers in OpenAI's wire format, with the log-probabilities that a vLLM tells when asked."""

import math
from collections.abc import Sequence
from typing import Any

from app.domain import Chunk

USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
COST = {"small": 10 * 1 + 4 * 2, "large": 10 * 10 + 4 * 20}
"""Micro-dollars of one answer by the prices of the harness."""


def logprobs(*probabilities: float) -> dict[str, Any]:
    """As chat has them, one token for each probability."""
    return {
        "content": [
            {"token": "t", "logprob": math.log(each), "bytes": [116], "top_logprobs": []} for each in probabilities
        ]
    }


def choice(content: str | None = "fine", *, p: Sequence[float] = (), finish: str = "stop", **message: Any) -> Chunk:
    """One choice of a whole chat answer; without `p` no log-probabilities were told."""
    said = {"role": "assistant", "content": content, **message}
    return {"index": 0, "message": said, "logprobs": logprobs(*p) if p else None, "finish_reason": finish}


def body(*choices: Chunk) -> Chunk:
    """A whole chat answer."""
    numbered = [{**each, "index": index} for index, each in enumerate(choices)]
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": numbered,
        "usage": dict(USAGE),
    }


def answer(content: str | None = "fine", **options: Any) -> list[Chunk]:
    """What a backend says to a plain request."""
    return [body(choice(content, **options))]


def call(arguments: str, name: str = "f") -> dict[str, Any]:
    """A tool call."""
    return {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}


def streamed(*words: str, p: float | None = None, finish: str = "stop") -> list[list[Chunk]]:
    """What a backend says to a stream: a batch for the role, one for each word, one for the end and the usage."""
    told = None if p is None else logprobs(p)
    deltas = [
        {"role": "assistant", "content": ""},
        *({"content": word} for word in words),
    ]
    batches = [[_chunk({"delta": delta, "logprobs": told if delta["content"] else None})] for delta in deltas]
    last = _chunk({"delta": {}, "logprobs": None, "finish_reason": finish})
    return [*batches, [last, {**_chunk(), "usage": dict(USAGE)}]]


def _chunk(choice: Chunk | None = None) -> Chunk:
    """`choice` with what each has, or a chunk without any."""
    choices = [{"index": 0, "finish_reason": None, **choice}] if choice else []
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
