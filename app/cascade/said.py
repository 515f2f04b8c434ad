"""What one choice of a whole body says."""

from collections.abc import Mapping, Sequence
from typing import Any

_SILENT = frozenset({"role", "refusal", "reasoning", "reasoning_content", "annotations"})
"""Parts of a message that are no answer. Reasoning is none: a model that only thought has said nothing."""


def content_of(choice: Mapping[str, Any]) -> str:
    """The text of a choice, chat or plain; empty where it has none."""
    message = choice.get("message")
    text = message.get("content") if isinstance(message, Mapping) else choice.get("text")
    return text if isinstance(text, str) else ""


def functions_of(choice: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The functions that a choice calls, `{name, arguments}` each, by tools or in the older way."""
    message = choice.get("message")
    if not isinstance(message, Mapping):
        return []
    calls: Sequence[Any] = message.get("tool_calls") or ()
    called = [call.get("function") for call in calls if isinstance(call, Mapping)]
    return [each for each in (*called, message.get("function_call")) if isinstance(each, Mapping)]


def calls_otherwise(choice: Mapping[str, Any]) -> bool:
    """Whether a choice calls anything but functions, as a custom tool, whose input has no schema."""
    message = choice.get("message")
    calls: Sequence[Any] = (message.get("tool_calls") if isinstance(message, Mapping) else None) or ()
    return any(isinstance(call, Mapping) and call.get("type") not in (None, "function") for call in calls)


def is_empty(choice: Mapping[str, Any]) -> bool:
    """Whether a choice says nothing: neither text but white space, nor a call, nor anything else."""
    message = choice.get("message")
    if not isinstance(message, Mapping):
        return not content_of(choice).strip()
    said = [value for name, value in message.items() if name not in _SILENT]
    return not any(value.strip() if isinstance(value, str) else value for value in said)
