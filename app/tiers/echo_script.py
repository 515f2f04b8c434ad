"""What the echo backend, a fake, will answer to a call: computed before the first token, in OpenAI's wire format."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import cycle, islice
from typing import Any, Self

from app.config.gateway import EchoBackend
from app.domain import BackendCall, Chunk, Operation

CREATED = 0
"""`created` of every answer: equal calls get equal bytes."""


@dataclass(frozen=True, slots=True)
class EchoScript:
    """One call's answer. `tokens` are words, each but the first with its space; all `n` choices say the same."""

    id: str
    operation: Operation
    model: str
    tokens: tuple[str, ...]
    finish_reason: str
    n: int
    input_tokens: int
    include_usage: bool
    continuous_usage: bool

    @classmethod
    def of(cls, call: BackendCall, spec: EchoBackend) -> Self:
        """The last user message's words repeated to the answer's length, or cut to the call's maximum."""
        payload, question = call.payload, _question(call)
        tokens = length(question, spec)
        limit = payload.get("max_completion_tokens") or payload.get("max_tokens") or tokens
        options: Mapping[str, Any] = payload.get("stream_options") or {}
        include_usage = bool(options.get("include_usage"))
        return cls(
            id=f"{'chatcmpl' if call.operation == 'chat' else 'cmpl'}-{call.request_id}",
            operation=call.operation,
            model=str(payload.get("model", "echo")),
            tokens=_tokens(question, min(tokens, limit)),
            finish_reason="length" if limit < tokens else "stop",
            n=payload.get("n") or 1,
            input_tokens=count_words(payload),
            include_usage=include_usage,
            continuous_usage=include_usage and bool(options.get("continuous_usage_stats")),
        )

    def opening(self) -> list[Chunk]:
        """What comes with the first token: a chat's role."""
        if self.operation == "text_completion":
            return []
        return [self._chunk(self._choice(index, {"role": "assistant", "content": ""}), 0) for index in range(self.n)]

    def token(self, position: int) -> list[Chunk]:
        """The token at `position`, one chunk for each choice; its running usage is of that choice, as vLLM's."""
        text = self.tokens[position]
        return [self._chunk(self._choice(i, {"content": text}), position + 1) for i in range(self.n)]

    def ending(self) -> list[Chunk]:
        """Why it ended, and the usage if it was asked for."""
        total = len(self.tokens) * self.n
        each = len(self.tokens)
        ends = [self._chunk(self._choice(i, {}, self.finish_reason), each) for i in range(self.n)]
        if self.include_usage:
            ends.append({**self._envelope(chunk=True), "choices": [], "usage": self._usage(total)})
        return ends

    def body(self) -> Chunk:
        """The whole answer at once."""
        text = "".join(self.tokens)
        chat = {"message": {"role": "assistant", "content": text, "refusal": None}}
        answer = chat if self.operation == "chat" else {"text": text}
        ends = {"logprobs": None, "finish_reason": self.finish_reason}
        choices = [{"index": index, **answer, **ends} for index in range(self.n)]
        return {**self._envelope(chunk=False), "choices": choices, "usage": self._usage(len(self.tokens) * self.n)}

    def _envelope(self, *, chunk: bool) -> Chunk:
        chat = "chat.completion.chunk" if chunk else "chat.completion"
        kind = chat if self.operation == "chat" else "text_completion"
        return {"id": self.id, "object": kind, "created": CREATED, "model": self.model}

    def _choice(self, index: int, delta: dict[str, str], finish_reason: str | None = None) -> Chunk:
        answer = {"delta": delta} if self.operation == "chat" else {"text": delta.get("content", "")}
        return {"index": index, **answer, "logprobs": None, "finish_reason": finish_reason}

    def _chunk(self, choice: Chunk, output_tokens: int) -> Chunk:
        usage = {"usage": self._usage(output_tokens)} if self.continuous_usage else {}
        return {**self._envelope(chunk=True), "choices": [choice], **usage}

    def _usage(self, output_tokens: int) -> Chunk:
        return {
            "prompt_tokens": self.input_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": self.input_tokens + output_tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
        }


def length(question: str, spec: EchoBackend) -> int:
    """How many tokens an answer has that nobody cuts: equal questions get equally long ones."""
    if spec.most_tokens is None or spec.most_tokens <= spec.tokens:
        return spec.tokens
    drawn = int.from_bytes(blake2b(question.encode("utf-8", "replace"), digest_size=8).digest())
    return spec.tokens + drawn % (spec.most_tokens - spec.tokens + 1)


def _tokens(prompt: str, count: int) -> tuple[str, ...]:
    words = islice(cycle(prompt.split() or ["echo"]), count)
    return tuple(word if position == 0 else f" {word}" for position, word in enumerate(words))


def count_words(payload: Mapping[str, Any]) -> int:
    """The input tokens of a body: a word is one, a token id too."""
    return sum(len(prompt.split()) for prompt in _prompts(payload))


def _prompts(payload: Mapping[str, Any]) -> list[str]:
    """The text of each message, or of each prompt of a plain completion."""
    if "messages" in payload:
        return [_text(message.get("content")) for message in payload["messages"]]
    prompt = payload["prompt"]
    return [_text(each) for each in prompt] if isinstance(prompt, list) else [_text(prompt)]


def _question(call: BackendCall) -> str:
    """What is echoed: the last user message, or the whole prompt."""
    if call.operation == "text_completion":
        return " ".join(_prompts(call.payload))
    asked = [message.get("content") for message in call.payload["messages"] if message.get("role") == "user"]
    return _text(asked[-1]) if asked else ""


def _text(content: Any) -> str:
    """Text, parts of a message, or token ids, as words."""
    if isinstance(content, list):
        return " ".join(_text(part) for part in content)
    if isinstance(content, dict):
        return str(content.get("text", ""))
    return "" if content is None else str(content)
