"""The most input tokens that a request can have, whatever its tokenizer: what a hard limit reserves first.

A token of a byte-level BPE, a WordPiece or a SentencePiece with byte fallback spends at least one byte of the text
that it reads, so bytes bound tokens. Counted is all of the body that an engine could put before its model, as JSON:
some templates print a tool's result so (Llama 3.x). What is beyond bytes, the template's own text and what it makes
of tools, has allowances, each more than these templates spend, tokenized by SmolLM2's and Qwen2.5's tokenizers:

| template | opening and default system prompt | a message | around the tools |
|---|---|---|---|
| SmolLM2 (knows no tools) | 25 | 5 | |
| Qwen2.5 (Qwen3 without the system prompt) | 24 | 5, 13 around a tool's result | 86 |
| Llama 3.1 to 3.3 | 37 | 6 | 61 |

A template that opens with a page of its own (Mistral Small 3's default system prompt has some 500 tokens) is bounded
only by `context_tokens`: where such a tier's files are at hand, the exact count knows better.
"""

import json
import re
import unicodedata
from array import array
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

TEMPLATE_TOKENS = 128
"""What a template adds to any conversation."""

MESSAGE_TOKENS = 16
"""What it adds to a message, beyond the braces, keys and quotes that are counted with it."""

TOOLS_TOKENS = 256
"""Its instructions around tools."""

TOOL_TOKENS = 128
"""Fields that an engine fills in for each tool (`"type": "function"`, `"description": null` …), on indented lines."""

TEXT_TOKENS = 4
"""What opens a plain text: a token for the beginning, SentencePiece's leading space."""

_SILENT_NAMES = """
model stream stream_options temperature top_p top_k min_p n best_of max_tokens max_completion_tokens stop seed
presence_penalty frequency_penalty repetition_penalty logit_bias logprobs top_logprobs user metadata store
service_tier parallel_tool_calls echo
"""
_SILENT = frozenset(_SILENT_NAMES.split())
"""Parameters that no engine puts before its model."""

_UNBOUNDED_NAMES = """
chat_template kv_transfer_params ec_transfer_params prompt_embeds mm_processor_kwargs audio web_search_options
"""
_UNBOUNDED = frozenset(_UNBOUNDED_NAMES.split())
"""What stands for a prompt whose size cannot be seen here: another template, token ids and vectors from elsewhere."""

_TEXT_PARTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
_MARKS = b"[{]},"
_DEEPER = bytes.maketrans(_MARKS, bytes([1, 1, 255, 255, 0]))
"""One level more, one less (as a signed byte), or the next item."""
_OTHERS = bytes(set(range(256)) - set(_MARKS))
_INDENT = 4
_WIDE = re.compile("[\u3000\uff01-\uff5e]")
"""The full-width letters and marks of Chinese texts: NFKC makes no more of their three bytes, but takes its time."""
_json = json.JSONEncoder(ensure_ascii=False).encode


def most_input_tokens(payload: Mapping[str, Any], context_tokens: int) -> int:
    """No engine counts more input tokens for a chat or completion body.

    Never more than `context_tokens` for one prompt, since the engine refuses those; several prompts add up. Images and
    other media count as a whole context, token ids exactly. Linear in the body: for 4 KB 13 µs, with
    16 tools 90 µs; some 10 ms a megabyte.
    """
    try:
        return _most(payload, context_tokens)
    except RecursionError:  # nested deeper than Python reads
        return context_tokens * (len(_prompts(payload)) + (payload.get("messages") is not None))


def _most(payload: Mapping[str, Any], context_tokens: int) -> int:
    prompts = _prompts(payload)
    extras = {name: value for name, value in payload.items() if name not in _SILENT and value is not None}
    messages = extras.pop("messages", None)
    extras.pop("prompt", None)
    more = context_tokens if not _UNBOUNDED.isdisjoint(extras) else _extras(extras, messages)
    found = sum(min(context_tokens, _prompt(prompt, more, context_tokens)) for prompt in prompts)
    if messages is not None:
        found += min(context_tokens, _messages(messages, context_tokens) + more)
    return found


def _prompt(prompt: Any, more: int, context_tokens: int) -> int:
    """One prompt of a plain completion: text, or token ids, which nothing is added to."""
    if isinstance(prompt, list):
        return len(prompt)
    return _size(prompt) + TEXT_TOKENS + more if isinstance(prompt, str) else context_tokens


def _messages(messages: Any, context_tokens: int) -> int:
    if not isinstance(messages, list) or not all(map(_is_text, messages)):
        return context_tokens
    called = sum(map(_arguments, messages))
    return TEMPLATE_TOKENS + MESSAGE_TOKENS * len(messages) + _size(_json(messages)) + called


def _is_text(message: Any) -> bool:
    """Whether the message has nothing but text in it."""
    if not isinstance(message, Mapping) or message.get("audio") is not None:
        return False
    content = message.get("content")
    return (
        content is None or isinstance(content, str) or (isinstance(content, list) and all(map(_is_text_part, content)))
    )


def _is_text_part(part: Any) -> bool:
    """A `uuid` names media that the engine has already, whatever the part's type says."""
    if isinstance(part, str):
        return True
    if not isinstance(part, Mapping) or part.get("uuid") is not None:
        return False
    kind = part.get("type")
    return isinstance(kind, str) and isinstance(part.get(_TEXT_PARTS.get(kind, "")), str)


def _arguments(message: Mapping[str, Any]) -> int:
    """What a call's arguments grow by when a template parses and prints them: `1e15` is 18 digits then."""
    calls = message.get("tool_calls")
    functions = [call.get("function") for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []
    given = [each.get("arguments") for each in functions if isinstance(each, Mapping)]
    return sum(_printed(each) for each in given if isinstance(each, str))


def _printed(arguments: str) -> int:
    try:
        return _laid_out(_json(json.loads(arguments)))
    except ValueError:  # no JSON: engines print what came, or nothing
        return 0


def _extras(extras: Mapping[str, Any], messages: Any) -> int:
    """Tools, documents, variables of the template, and every parameter that we do not know."""
    if not extras:
        return 0
    found = _laid_out(_json(extras))
    tools = sum(len(given) for name in ("tools", "functions") if isinstance(given := extras.get(name), list))
    if tools:
        found += TOOLS_TOKENS + TOOL_TOKENS * tools
    if variables := extras.get("chat_template_kwargs"):  # a template may print one with every message
        found += _laid_out(_json(variables)) * (tools + (len(messages) if isinstance(messages, list) else 0))
    return found


def _laid_out(text: str) -> int:
    """The size of JSON `text` on indented lines, as Llama 3.x prints tools: deep nesting makes much of little."""
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    steps = array("b", outside.encode().translate(_DEEPER, _OTHERS))
    return _size(text) + len(steps) + _INDENT * sum(accumulate(steps))


def _size(text: str) -> int:
    """UTF-8 bytes, of the text as it is or as a tokenizer composes it: NFKC makes 33 bytes of the 3 of U+FDFA."""
    if text.isascii():
        return len(text)
    return max(len(each.encode("utf-8", "surrogatepass")) for each in _forms(text))


def _forms(text: str) -> Iterator[str]:
    yield text
    yield unicodedata.normalize("NFC", text)
    yield unicodedata.normalize("NFKC", _WIDE.sub("___", text))


def _prompts(payload: Mapping[str, Any]) -> list[Any]:
    """Each prompt of a plain completion: text or a list of token ids."""
    prompt = payload.get("prompt")
    if isinstance(prompt, list):
        return [prompt] if prompt and all(type(each) is int for each in prompt) else prompt
    return [] if prompt is None else [prompt]
