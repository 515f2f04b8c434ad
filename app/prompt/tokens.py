"""How many input tokens a request will have, without its tokenizer.

`estimate_input_tokens` leans upwards: it counts kinds of bytes and weighs them. The weights are a 99% quantile
regression (relative error) of the larger count of two tokenizers, SmolLM2 and Qwen2.5, on half of 3,200 prompts from
eight router benchmarks, Python sources and number lists, rounded up. Measured on the other half and apart:

| prompts | under-estimates | estimate / count |
|---|---|---|
| eight benchmarks, English | 0.2% (the worst by 7%) | 1.20 |
| Python | 1.5% (by 2%) | 1.40 on SmolLM2, 1.59 on Qwen2.5 |
| numbers / hexadecimal / base64 | 0 / 20% (by 2%) / 100% (by 17%) | 1.17 / 1.03 / 0.89 |
| Chinese, Japanese | 0 | 1.4 on SmolLM2, 4.0 on Qwen2.5 |
| Russian, Arabic, Hindi | 0 | 1.6 to 1.8 on SmolLM2, 2.3 to 4.0 on Qwen2.5 |
| German, one sentence of long words | by 22% on SmolLM2 | 0.78 on SmolLM2, 1.03 on Qwen2.5 |

`app.prompt.bound` says what no tokenizer can pass.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_UPPER = bytes(range(65, 91))
_LETTERS = _UPPER + bytes(range(97, 123))
_DIGITS = bytes(range(48, 58))
_NOT_ASCII = bytes(range(128, 256))
_BLANK = b" \t\r\n"

LETTER, UPPER, SPACE, LINE, DIGIT, MARK, NOT_ASCII = 0.2, 0.75, 0.3, 0.5, 1.3, 1.02, 0.8
"""Tokens a byte. Both tokenizers make one token of a digit, and one of the space before it. `NOT_ASCII` is SmolLM2 on
Chinese (1.4 bytes a token at worst; Qwen2.5: 3.9)."""

MESSAGE_TOKENS = 8
"""ChatML's `<|im_start|>role\\n … <|im_end|>\\n` costs 5 or 6; a tool's result or call up to 15 more in
Qwen2.5's template, hence as much again for a tool's role and for each call (beside the call's JSON)."""

PROMPT_TOKENS = 32
"""The assistant's opening (3) and the default system prompt where there is none: 24 with either template."""

TEXT_TOKENS = 4
"""The regression's constant for a text, and as much for what opens a prompt."""

TOOLS_TOKENS = 96
"""Qwen2.5's instructions around the tools: 77."""

MOST_EXCEEDED, MOST_EXCEEDED_ABROAD = 1.6, 4.0
"""Estimate / count at most, on ASCII text and on other scripts: Python and Chinese on Qwen2.5."""

IMAGE_TOKENS = 1_445
"""OpenAI's most for one image at high detail: 85, and 170 for each of 8 tiles."""

MEDIA = frozenset({"image_url", "input_image", "input_audio", "audio", "file", "video_url", "audio_url"})


def estimate_input_tokens(payload: Mapping[str, Any]) -> int:
    """An over- rather than an under-estimate of the input tokens of a chat or completion body."""
    return round(sum(_weigh(_bytes(text)) for text in _texts(payload))) + _structure(payload)


def estimate_text_tokens(text: str) -> float:
    """What `text` by itself adds to the estimate."""
    return _weigh(_bytes(text))


def least_input_tokens(payload: Mapping[str, Any]) -> int:
    """What a request will hardly stay below: the estimate, divided by the most that it exceeded a tokenizer's count by.

    1.6 on ASCII text, 4 elsewhere (the table above). Images count nothing.
    """
    texts = [_bytes(text) for text in _texts(payload)]
    plain = sum(_weigh(data.translate(None, _NOT_ASCII)) for data in texts)
    return _ids(payload) + int(plain / MOST_EXCEEDED + (sum(map(_weigh, texts)) - plain) / MOST_EXCEEDED_ABROAD)


def _texts(payload: Mapping[str, Any]) -> Iterator[str]:
    """All text that a template could put before the model."""
    for prompt in _prompts(payload):
        if isinstance(prompt, str):
            yield prompt
    for message in _messages(payload):
        yield from _message_texts(message)
    for name in ("tools", "functions", "response_format", "suffix"):
        if value := payload.get(name):
            yield _json(value)


def _message_texts(message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    for part in parts:
        text = part.get("text", part.get("refusal")) if isinstance(part, Mapping) else part
        if isinstance(text, str):
            yield text
    for name in ("name", "tool_calls", "function_call", "reasoning_content"):
        if value := message.get(name):
            yield _json(value)


def _structure(payload: Mapping[str, Any]) -> int:
    """Tokens that are no text of the client's: the template's own, media, and prompts given as token ids."""
    messages = list(_messages(payload))
    ids = _ids(payload)
    if not messages:
        return ids + TEXT_TOKENS * (1 + sum(isinstance(prompt, str) for prompt in _prompts(payload)))
    tools = TOOLS_TOKENS if payload.get("tools") or payload.get("functions") else 0
    return ids + PROMPT_TOKENS + tools + sum(_overhead(message) for message in messages)


def _ids(payload: Mapping[str, Any]) -> int:
    given = (prompt for prompt in _prompts(payload) if not isinstance(prompt, str))
    return sum(len(prompt) if isinstance(prompt, list) else 1 for prompt in given)


def _overhead(message: Mapping[str, Any]) -> int:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    kinds = (part.get("type") for part in parts if isinstance(part, Mapping))
    media = sum(isinstance(kind, str) and kind in MEDIA for kind in kinds)
    called = message.get("tool_calls")
    calls = (len(called) if isinstance(called, list) else 0) + (message.get("role") == "tool")
    return MESSAGE_TOKENS * (1 + calls) + IMAGE_TOKENS * media + len(parts)


def _messages(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    messages = payload.get("messages")
    return (message for message in messages if isinstance(message, Mapping)) if isinstance(messages, list) else iter(())


def _prompts(payload: Mapping[str, Any]) -> list[Any]:
    """A string, strings, token ids or lists of them, as one list of strings, numbers and lists of numbers."""
    prompt = payload.get("prompt")
    if isinstance(prompt, list):
        return prompt
    return [] if prompt is None else [prompt]


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _weigh(data: bytes) -> float:
    size = len(data)
    letters = size - len(data.translate(None, _LETTERS))
    upper = size - len(data.translate(None, _UPPER))
    digits = size - len(data.translate(None, _DIGITS))
    other = size - len(data.translate(None, _NOT_ASCII))
    spaces = data.count(b" ")
    lines = size - len(data.translate(None, _BLANK)) - spaces
    marks = size - letters - digits - other - spaces - lines
    return (
        LETTER * letters
        + UPPER * upper
        + SPACE * spaces
        + LINE * lines
        + DIGIT * digits
        + MARK * marks
        + NOT_ASCII * other
    )
