"""What is new in a step, as two short digests: the call that was made, and what came of it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain import GatewayRequest
from app.prompt.keys import digest
from app.prompt.stamps import ISO_TIME, UUID

BYTES = 8
"""Of each digest. A session remembers some hundred: two of them are alike by chance once in 10^15 sessions."""
MOST_TOOLS = 3
MOST_NAME = 64

_CHANGING = re.compile(rf"{ISO_TIME}|\b{UUID}\b")
_MAY_CHANGE = re.compile(r"-(?:\d\d|[0-9a-fA-F]{4})-")
"""In all of those. It begins with a plain character: prose is passed over at the memory's speed, not at a regex's."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Of a step: `call` is the same for the same call, `outcome` for the same call with the same outcome.

    `tools` are the names of the tools that were called, for the message to the agent's author; empty without any.
    """

    call: bytes
    outcome: bytes
    tools: str = ""


def fingerprint(request: GatewayRequest, canonical_key: str) -> Fingerprint:
    """That of `request`; `canonical_key` is its own. Milliseconds for a megabyte."""
    messages = [each for each in request.payload.get("messages") or () if isinstance(each, dict)]
    turn = next((at for at in range(len(messages) - 1, -1, -1) if messages[at].get("role") == "assistant"), None)
    if turn is None:
        asked = _short(["asked", canonical_key])
        return Fingerprint(asked, asked)
    task = next((_settled(each.get("content")) for each in messages if each.get("role") == "user"), None)
    made, tools = _made(messages[turn])
    came = [_said(each) for each in messages[turn + 1 :]]
    call = [task, made]
    return Fingerprint(_short(call), _short([*call, came]), tools)


def _made(message: Mapping[str, Any]) -> tuple[Any, str]:
    """The calls of an assistant's message, in no order, and the tools' names; what it said where it called none.

    What it says beside its calls varies ("let me try again"), and so do the calls' ids.
    """
    found = [_function(each) for each in _calls(message)]
    if not found:
        return ["said", _settled(message.get("content"))], ""
    names = sorted({name for name, _ in found})
    shown = ", ".join(name[:MOST_NAME] for name in names[:MOST_TOOLS])
    return ["called", sorted(digest(each) for each in found)], shown


def _calls(message: Mapping[str, Any]) -> Sequence[Any]:
    """`tool_calls`, or the one `function_call` of OpenAI's older format."""
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        return calls
    return [{"function": call}] if isinstance(call := message.get("function_call"), Mapping) else []


def _function(call: Any) -> tuple[str, Any]:
    """Name and arguments of a call; `custom` tools have an `input` of free text."""
    call = call if isinstance(call, Mapping) else {}
    function = next((each for kind in ("function", "custom") if isinstance(each := call.get(kind), Mapping)), {})
    return str(function.get("name", "")), _arguments(function.get("arguments", function.get("input")))


def _arguments(text: Any) -> Any:
    """The arguments' JSON as a document, so that neither white space nor the order of names counts; else the text."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def _said(message: Mapping[str, Any]) -> list[Any]:
    return [message.get("role"), message.get("name"), _settled(message.get("content"))]


def _settled(content: Any) -> Any:
    """`content` without the times and random ids in it: an error that differs in its request id is the same error."""
    if isinstance(content, str):
        return (_CHANGING.sub("", content) if _MAY_CHANGE.search(content) else content).strip()
    if isinstance(content, Mapping):
        return {name: _settled(each) for name, each in content.items()}
    return [_settled(each) for each in content] if isinstance(content, list) else content


def _short(document: Any) -> bytes:
    return bytes.fromhex(digest(document))[:BYTES]
