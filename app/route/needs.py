"""What a request needs of a tier besides text, read off its body."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.config.gateway import Ability

IMAGES = frozenset({"image_url", "input_image", "image"})
"""Types of content parts. Sound, video and files are the engine's affair."""

GUIDED = (
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "structured_outputs",
)
"""vLLM's own parameters for constrained output."""


def needs_of(payload: Mapping[str, Any]) -> list[Ability]:
    """In the order in which a refusal names them. Tools count in the history too: a template must know them."""
    needs: list[tuple[Ability, bool]] = [
        ("tools", _uses_tools(payload)),
        ("structured_output", _wants_structure(payload)),
        ("images", any(_word(part.get("type")) in IMAGES for part in _parts(payload))),
    ]
    return [ability for ability, needed in needs if needed]


def _uses_tools(payload: Mapping[str, Any]) -> bool:
    if payload.get("tools") or payload.get("functions"):
        return True
    return any(each.get("tool_calls") or _word(each.get("role")) in {"tool", "function"} for each in _messages(payload))


def _wants_structure(payload: Mapping[str, Any]) -> bool:
    wanted = payload.get("response_format")
    free = not isinstance(wanted, Mapping) or _word(wanted.get("type")) in {"", "text"}
    return not free or any(payload.get(name) for name in GUIDED)


def _word(value: Any) -> str:
    """Text, or nothing for what a client sent in its place: not all of JSON can be looked up in a set."""
    return value if isinstance(value, str) else ""


def _messages(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    messages = payload.get("messages")
    return (each for each in messages if isinstance(each, Mapping)) if isinstance(messages, list) else iter(())


def _parts(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    contents = (message.get("content") for message in _messages(payload))
    lists = (content for content in contents if isinstance(content, list))
    return (part for content in lists for part in content if isinstance(part, Mapping))
