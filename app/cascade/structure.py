"""Whether a choice has the shape that the client asked for: JSON, JSON by a schema, calls that can be made."""

import json
from collections.abc import Mapping
from typing import Any

from app.cascade.said import calls_otherwise, content_of, functions_of
from app.cascade.schema import Work, is_valid

_WRONG = object()
"""What no JSON stands for."""


def is_unmet(payload: Mapping[str, Any], choice: Mapping[str, Any], work: Work | None = None) -> bool:
    """Whether a choice of a whole body breaks what `payload` asked for. Blocks and raises as `is_valid` does.

    `work` is shared by the choices of one body. A call that is none of a function cannot be judged: it looks sure.
    """
    work = work or Work()
    if calls := functions_of(choice):
        known = _parameters(payload)
        return any(_cannot_be_made(call, known, work) for call in calls)
    if calls_otherwise(choice):
        return False
    return _must_call(payload) or _is_misshapen(payload.get("response_format"), content_of(choice), work)


def _must_call(payload: Mapping[str, Any]) -> bool:
    """`tool_choice` is `required`, names a tool, or allows some of which one is required."""
    chosen = payload.get("tool_choice")
    if not isinstance(chosen, Mapping):
        return bool(chosen == "required")
    allowed = chosen.get("allowed_tools")
    if chosen.get("type") == "allowed_tools":
        return isinstance(allowed, Mapping) and allowed.get("mode") == "required"
    return chosen.get("type") in ("function", "custom")


def _parameters(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of each function that may be called, by its name."""
    tools = [tool.get("function") for tool in payload.get("tools") or () if isinstance(tool, Mapping)]
    functions = [each for each in (*tools, *(payload.get("functions") or ())) if isinstance(each, Mapping)]
    return {str(each.get("name")): each.get("parameters") for each in functions}


def _cannot_be_made(call: Mapping[str, Any], known: Mapping[str, Any], work: Work) -> bool:
    """Not one of the tools, or arguments that are no object, or not by the tool's schema."""
    name = str(call.get("name"))
    arguments = _parsed(call.get("arguments") or "{}")
    if name not in known or not isinstance(arguments, dict):
        return True
    return known[name] is not None and not is_valid(arguments, known[name], work)


def _is_misshapen(wanted: Any, text: str, work: Work) -> bool:
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if kind == "json_object":
        return not isinstance(_parsed(text), dict)
    if kind != "json_schema":
        return False
    value, schema = _parsed(text), (wanted.get("json_schema") or {}).get("schema")
    return value is _WRONG or (schema is not None and not is_valid(value, schema, work))


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return _WRONG
