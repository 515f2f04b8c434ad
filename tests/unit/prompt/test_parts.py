"""A body is taken apart by where its texts come from."""

from typing import Any

import pytest

from app.prompt.parts import parts_of

TOOL = {"type": "function", "function": {"name": "look_up"}}


def test_an_agents_body() -> None:
    """The last user message is the user's; all others, calls and results of tools too, are history."""
    call = {"id": "1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "hi <doc>not retrieved</doc>"},
        {"role": "user", "content": [{"type": "text", "text": "and now"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "<document>found</document>", "tool_call_id": "1"},
    ]
    parts = parts_of({"messages": messages, "tools": [TOOL]})
    assert parts.texts("system") == ["be brief"]
    assert parts.texts("user") == ["and now"]
    assert parts.texts("history")[:2] == ["hello", "hi <doc>not retrieved</doc>"]
    assert '"look_up"' in parts.texts("history")[2]
    assert '"look_up"' in parts.texts("tools")[0]
    assert parts.texts("documents") == ["<document>found</document>"]
    assert parts.messages == 6


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"documents": ["a text"]}, ()),
        ({"documents": [{"title": "Fees", "text": "a text"}]}, ("Fees",)),
        ({"messages": [{"role": "user", "content": [{"type": "document", "id": "d1", "data": "x"}]}]}, ("d1",)),
    ],
)
def test_documents_of_the_body_and_of_message_parts(body: dict[str, Any], names: tuple[str, ...]) -> None:
    """vLLM's and Cohere's field, and parts of a document's type."""
    parts = parts_of(body)
    assert len(parts.texts("documents")) == 1
    assert [each.names for each in parts.documents] == [names]


@pytest.mark.parametrize(
    ("prompt", "texts", "tokens"),
    [("a b", ["a b"], 0), (["a", "b"], ["a", "b"], 0), ([1, 2, 3], [""], 3), ([[1, 2], [3]], [""], 3), (None, [], 0)],
)
def test_plain_prompts(prompt: Any, texts: list[str], tokens: int) -> None:
    """Texts and token ids are the user's."""
    parts = parts_of({"prompt": prompt})
    assert parts.texts("user") == texts
    assert sum(part.tokens for part in parts.parts) == tokens


@pytest.mark.parametrize(
    "body",
    [
        {"messages": "x"},
        {"messages": [None, 3, {"role": None, "content": 7}]},
        {"messages": [{"role": "user", "content": [None, {"type": []}, {"type": "text", "text": 3}]}]},
        {"documents": [None, 3, {"id": 4}], "tools": "x", "prompt": {"a": 1}},
    ],
)
def test_a_strange_body_is_no_fault(body: dict[str, Any]) -> None:
    """What is no text is left out or counted as JSON; nothing raises."""
    parts_of(body)


def test_images_are_the_kind_of_their_message() -> None:
    """An image of the last user message is the user's."""
    image = {"type": "image_url", "image_url": {"url": "data:x"}}
    (part,) = parts_of({"messages": [{"role": "user", "content": [image]}]}).parts
    assert part.kind == "user"
    assert part.media
