"""A chat body as the engine's template sees it: vLLM 0.29's reading of messages, tools and parameters.

`None` means that it is not certain what the engine would make of it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Message = dict[str, Any]

_TEXT_OF = {"text": "text", "refusal": "refusal"}
_FUNCTION = ("name", "description", "parameters")
_RESERVED_NAMES = """
messages conversation tools continue_final_message chat_template tokenize padding truncation max_length
return_tensors return_dict return_assistant_tokens_mask tokenizer_kwargs processor_kwargs
"""
_RESERVED = frozenset(_RESERVED_NAMES.split())


def read_messages(given: Any, *, as_parts: bool) -> list[Message] | None:
    """The conversation; a template that walks through a message's parts gets them `as_parts`, others joined lines."""
    if not isinstance(given, list) or not given:
        return None
    found = [_message(each, as_parts) if isinstance(each, Mapping) else None for each in given]
    return [each for each in found if each is not None] if None not in found else None


def _message(given: Mapping[str, Any], as_parts: bool) -> Message | None:
    role, texts = given.get("role"), _texts(given.get("content"))
    calls = _calls(given.get("tool_calls")) if role == "assistant" else []
    if role not in {"system", "user", "assistant", "tool"} or texts is None or calls is None:
        return None
    joined = "\n".join(texts)
    parts = [{"type": "text", "text": text} for text in texts]
    message: Message = {"role": role, "content": parts if as_parts and role != "tool" else joined}
    if calls:
        message["tool_calls"] = calls
    if role == "assistant":
        message |= _reasoning(given)
    if role == "tool" and "tool_call_id" in given:
        message["tool_call_id"] = given["tool_call_id"]
    return message | {name: given[name] for name in ("name", "task") if isinstance(given.get(name), str)}


def _texts(content: Any) -> list[str] | None:
    if content is None or isinstance(content, str):
        return [] if content is None else [content]
    found = [_text(part) for part in content] if isinstance(content, list) else [None]
    return [each for each in found if each is not None] if None not in found else None


def _text(part: Any) -> str | None:
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping) or len(part) != 2:  # a third field may be media, or reach the template
        return None
    kind = part.get("type")
    text = part.get(_TEXT_OF.get(kind, "")) if isinstance(kind, str) else None
    return text if isinstance(text, str) else None


def _reasoning(given: Mapping[str, Any]) -> Message:
    """Under both names, whichever the client used."""
    found = given.get("reasoning") if given.get("reasoning") is not None else given.get("reasoning_content")
    return {} if found is None else {"reasoning": found, "reasoning_content": found}


def _calls(given: Any) -> list[Message] | None:
    if given is None:
        return []
    found = [_call(each) for each in given] if isinstance(given, list) else [None]
    return [each for each in found if each is not None] if None not in found else None


def _call(given: Any) -> Message | None:
    """One call, its fields in the order in which vLLM hands them on."""
    function = given.get("function") if isinstance(given, Mapping) else None
    if not isinstance(function, Mapping) or given.get("type") != "function":
        return None
    texts = given.get("id"), function.get("name"), function.get("arguments")
    if not all(isinstance(each, str) for each in texts):
        return None
    read = {"arguments": _arguments(function["arguments"]), "name": function["name"]}
    return {"id": given["id"], "function": read, "type": "function"}


def _arguments(given: str) -> dict[str, Any]:
    """As an object; what is none is an empty one."""
    try:
        found = json.loads(given)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def read_tools(given: Any) -> list[Message] | None:
    """The tools as vLLM prints them: its fields, in its order, `null` where the client named none. Raises ValueError.

    None without any.
    """
    if given is None:
        return None
    if not isinstance(given, list) or not given:
        raise ValueError("no list of tools")
    return [_tool(each) for each in given]


def _tool(given: Any) -> Message:
    function = given.get("function") if isinstance(given, Mapping) else None
    if not isinstance(function, Mapping) or "defer_loading" in given or "defer_loading" in function:
        raise ValueError("not a plain function")
    strict = {"strict": function["strict"]} if function.get("strict") is not None else {}
    return {"type": "function", "function": {name: function.get(name) for name in _FUNCTION} | strict}


def read_variables(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The template's variables from the body: vLLM's own parameters win over `chat_template_kwargs`.

    Raises ValueError for what the engine refuses.
    """
    given = payload.get("chat_template_kwargs") or {}
    if not isinstance(given, Mapping) or not _RESERVED.isdisjoint(given):
        raise ValueError("chat_template_kwargs")
    found = {**given, "add_generation_prompt": payload.get("add_generation_prompt", True)}
    found |= {name: payload[name] for name in ("documents", "reasoning_effort") if payload.get(name) is not None}
    if payload.get("reasoning_effort") is not None and "enable_thinking" not in given:
        found["enable_thinking"] = payload["reasoning_effort"] != "none"
    return found


def with_end(messages: Sequence[Message], mark: str) -> tuple[list[Message], str]:
    """The conversation with `mark` after its last text, and that text. Raises ValueError where there is none."""
    last = dict(messages[-1])
    content = last["content"]
    if isinstance(content, str):
        return [*messages[:-1], {**last, "content": content + mark}], content
    if not content:
        raise ValueError("nothing to continue")
    text = content[-1]["text"]
    parts = [*content[:-1], {**content[-1], "text": text + mark}]
    return [*messages[:-1], {**last, "content": parts}], text
