"""A stream's chunks back into the whole body that a plain request would have got."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain import Chunk, Operation

FINISHED = frozenset({"stop", "tool_calls", "function_call"})
"""Finish reasons of answers that the model itself ended; `length`, `content_filter` and none at all are not."""

_IDENTITY = ("id", "created", "model", "service_tier", "system_fingerprint")


def is_complete(body: Chunk, choices: int = 1) -> bool:
    """Whether a whole body holds at least `choices` answers; the model ended each of them itself, and refused none."""
    found = body.get("choices") or []
    ended = all(choice.get("finish_reason") in FINISHED for choice in found)
    return len(found) >= choices and ended and not any(map(_is_refused, found))


def _is_refused(choice: Mapping[str, Any]) -> bool:
    """OpenAI's models say so in a field of its own; what one was refused, another must not be."""
    return bool((choice.get("message") or {}).get("refusal"))


@dataclass(slots=True)
class _Choice:
    """One choice under way. Text is kept in parts: joining once is linear."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    logprobs: dict[str, list[Any]] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)
    outer: dict[str, Any] = field(default_factory=dict)

    def feed(self, choice: Mapping[str, Any]) -> None:
        for name, value in choice.items():
            if name == "delta":
                self._feed_delta(value or {})
            elif name == "text":
                self.texts.setdefault("text", []).append(value or "")
            elif name == "logprobs":
                self._feed_logprobs(value or {})
            elif name != "index" and value is not None:
                self.outer[name] = value

    def _feed_delta(self, delta: Mapping[str, Any]) -> None:
        for name, value in delta.items():
            if value is None or name == "role":
                continue
            if name == "tool_calls":
                for call in value:
                    _merge_call(self.calls.setdefault(call.get("index", 0), {}), call)
            elif name == "function_call":
                _merge_function(self.rest.setdefault(name, {}), value)
            elif isinstance(value, str):
                self.texts.setdefault(name, []).append(value)
            else:
                self.rest[name] = value

    def _feed_logprobs(self, logprobs: Mapping[str, Any]) -> None:
        for name, values in logprobs.items():
            if values is not None:
                self.logprobs.setdefault(name, []).extend(values)

    def whole(self, index: int, operation: Operation) -> dict[str, Any]:
        """The choice as a whole body has it."""
        joined = {name: "".join(parts) for name, parts in self.texts.items()}
        answer = (
            {"text": joined.get("text", "")} if operation == "text_completion" else {"message": self._message(joined)}
        )
        return {"index": index, **answer, "logprobs": self.logprobs or None, "finish_reason": None, **self.outer}

    def _message(self, joined: dict[str, str]) -> dict[str, Any]:
        """Content is null, not empty, beside tool calls and refusals: that is how plain answers have it."""
        calls = {"tool_calls": [self.calls[index] for index in sorted(self.calls)]} if self.calls else {}
        said_otherwise = calls or self.rest or joined.get("refusal")
        content = joined.pop("content", "") or (None if said_otherwise else "")
        return {"role": "assistant", "content": content, **joined, **calls, **self.rest}


class AnswerCollector:
    """Feed it what the client gets; `body` is the whole answer once `complete`.

    `choices` is how many answers were asked for (`n` for each prompt). Whole bodies may be fed as well.
    """

    def __init__(self, operation: Operation, choices: int = 1) -> None:
        self._operation = operation
        self._wanted = choices
        self._choices: dict[int, _Choice] = {}
        self._identity: dict[str, Any] = {}
        self._usage: Mapping[str, Any] | None = None
        self._whole: Chunk | None = None
        self._broken = False

    @property
    def complete(self) -> bool:
        """Whether every choice ended by the model's own will, and no error came in between."""
        return not self._broken and is_complete(self.body(), self._wanted)

    def feed(self, chunks: Iterable[Chunk]) -> None:
        """Take the next chunks, in order. They are read, never kept or changed."""
        for chunk in chunks:
            if "error" in chunk:
                self._broken = True
            elif any("message" in choice for choice in chunk.get("choices") or ()):
                self._whole = dict(chunk)
            else:
                self._feed_chunk(chunk)

    def body(self) -> Chunk:
        """The whole body of what came so far."""
        if self._whole is not None:
            return self._whole
        kind = "text_completion" if self._operation == "text_completion" else "chat.completion"
        choices = [choice.whole(index, self._operation) for index, choice in sorted(self._choices.items())]
        usage = {"usage": dict(self._usage)} if self._usage else {}
        return {**self._identity, "object": kind, "choices": choices, **usage}

    def _feed_chunk(self, chunk: Chunk) -> None:
        if not self._identity:
            self._identity = {name: chunk[name] for name in _IDENTITY if chunk.get(name) is not None}
        self._usage = chunk.get("usage") or self._usage
        for choice in chunk.get("choices") or ():
            self._choices.setdefault(choice.get("index", 0), _Choice()).feed(choice)


def _merge_call(call: dict[str, Any], part: Mapping[str, Any]) -> None:
    for name, value in part.items():
        if name == "function":
            _merge_function(call.setdefault("function", {}), value or {})
        elif name != "index" and value is not None:
            call[name] = value


def _merge_function(function: dict[str, Any], part: Mapping[str, Any]) -> None:
    """The name comes once, the arguments in pieces."""
    if part.get("name"):
        function["name"] = part["name"]
    function["arguments"] = function.get("arguments", "") + (part.get("arguments") or "")
