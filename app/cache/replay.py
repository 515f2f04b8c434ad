"""A stored body as if it had just been produced: whole, or as a stream in OpenAI's order.

Id and time are new. `usage` keeps the tokens of the original answer, because OpenAI's clients expect the size of what
they got there; that a replay costs nothing is said by `leanserve.cost_usd`, the headers and the ledger.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from app.domain import Chunk

Now = Callable[[], float]


def as_whole(body: Chunk, request_id: str, *, now: Now = time.time) -> Chunk:
    """The body of a plain response. `now` is seconds since 1970."""
    return {**body, "id": request_id, "created": int(now())}


def as_stream(body: Chunk, request_id: str, include_usage: bool = False, *, now: Now = time.time) -> list[Chunk]:
    """The chunks of a stream: for each choice its role, what it says, why it ended; then, if asked, the usage.

    With `include_usage`, every chunk has a `usage`, null but in the last one, as OpenAI documents it.
    """
    chat = body.get("object") != "text_completion"
    envelope = {name: value for name, value in body.items() if name not in {"choices", "usage"}}
    envelope |= {"id": request_id, "created": int(now())}
    if chat:
        envelope["object"] = "chat.completion.chunk"
    parts = _chat_parts if chat else _text_parts
    tail = {"usage": None} if include_usage else {}
    chunks = [{**envelope, "choices": [part], **tail} for choice in body["choices"] for part in parts(choice)]
    return [*chunks, {**envelope, "choices": [], "usage": body.get("usage")}] if include_usage else chunks


def _chat_parts(choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    message = choice["message"]
    said = {name: value for name, value in message.items() if name != "role" and value is not None}
    if calls := said.get("tool_calls"):
        said["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls)]
    yield _part(choice, {"delta": {"role": message.get("role", "assistant"), "content": ""}}, logprobs=None)
    if said := {name: value for name, value in said.items() if value not in ("", [])}:
        yield _part(choice, {"delta": said}, logprobs=choice.get("logprobs"))
    yield {**_part(choice, {"delta": {}}, logprobs=None), **_ending(choice)}


def _text_parts(choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield _part(choice, {"text": choice["text"]}, logprobs=choice.get("logprobs"))
    yield {**_part(choice, {"text": ""}, logprobs=None), **_ending(choice)}


def _part(choice: dict[str, Any], said: dict[str, Any], *, logprobs: Any) -> dict[str, Any]:
    return {"index": choice.get("index", 0), **said, "logprobs": logprobs, "finish_reason": None}


def _ending(choice: dict[str, Any]) -> dict[str, Any]:
    """Why it ended, and what a server adds to that (vLLM's `stop_reason`)."""
    return {name: value for name, value in choice.items() if name not in {"index", "message", "text", "logprobs"}}
