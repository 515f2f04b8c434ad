"""Shapes that were asked for, met and not; schemas that would hurt their reader."""

import time
from typing import Any

import pytest

from app.cascade.schema import MOST_S, Unjudgeable, Work, is_valid
from app.cascade.structure import is_unmet
from tests.fakes_answers import call, choice

PERSON = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
OBJECT: dict[str, Any] = {"response_format": {"type": "json_object"}}
SCHEMA: dict[str, Any] = {"response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": PERSON}}}
TOOLS: dict[str, Any] = {"tools": [{"type": "function", "function": {"name": "f", "parameters": PERSON}}]}


@pytest.mark.parametrize(
    ("payload", "content", "unmet"),
    [
        ({}, "no JSON", False),
        ({"response_format": {"type": "text"}}, "no JSON", False),
        (OBJECT, '{"a": 1}', False),
        (OBJECT, "[1]", True),
        (OBJECT, '{"a": 1', True),
        (OBJECT, '```json\n{"a": 1}\n```', True),
        (OBJECT, None, True),
        (OBJECT, "[" * 100_000, True),
        (SCHEMA, '{"age": 3}', False),
        (SCHEMA, '{"age": "three"}', True),
        (SCHEMA, "{}", True),
        (SCHEMA, "age: 3", True),
        ({"response_format": {"type": "json_schema"}}, "7", False),
    ],
)
def test_json(payload: dict[str, Any], content: str | None, unmet: bool) -> None:
    """Any object, or what the schema says; a fence around it is not JSON to the client's parser."""
    assert is_unmet(payload, choice(content)) is unmet


@pytest.mark.parametrize(
    ("calls", "unmet"),
    [
        ([call('{"age": 3}')], False),
        ([call('{"age": 3')], True),
        ([call('{"age": "x"}')], True),
        ([call("7")], True),
        ([call("")], True),
        ([call('{"age": 3}', "g")], True),
        ([call('{"age": 3}'), call("{")], True),
        ([{"id": "c", "type": "function", "function": {"name": "f"}}], True),
    ],
)
def test_calls(calls: list[Any], unmet: bool) -> None:
    """Each must name a tool, with an object by the tool's schema."""
    assert is_unmet(TOOLS, choice(None, tool_calls=calls, finish="tool_calls")) is unmet


def test_a_call_without_parameters_needs_no_arguments() -> None:
    """Some engines write nothing there."""
    tools: dict[str, Any] = {"tools": [{"type": "function", "function": {"name": "f"}}]}
    assert not is_unmet(tools, choice(None, tool_calls=[call("")]))
    assert not is_unmet({"functions": [{"name": "f"}]}, choice(None, function_call={"name": "f", "arguments": "{}"}))


def test_a_call_that_was_required() -> None:
    """Words are none; without that wish they are fine, and beside calls no JSON is asked of them."""
    assert is_unmet({**TOOLS, "tool_choice": "required"}, choice("words"))
    assert is_unmet({**TOOLS, "tool_choice": {"type": "function", "function": {"name": "f"}}}, choice("words"))
    assert not is_unmet({**TOOLS, "tool_choice": "auto"}, choice("words"))
    assert not is_unmet({**TOOLS, **OBJECT}, choice(None, tool_calls=[call('{"age": 3}')]))


@pytest.mark.parametrize(
    ("chosen", "forced"),
    [
        ({"type": "function", "function": {"name": "f"}}, True),
        ({"type": "custom", "custom": {"name": "c"}}, True),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}}, True),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}, False),
        ({"type": "allowed_tools", "allowed_tools": None}, False),
        ({"type": "tomorrow's"}, False),
        ("auto", False),
        (None, False),
    ],
    ids=str,
)
def test_which_choices_of_tools_force_a_call(chosen: Any, forced: bool) -> None:
    """A tool by name, and tools of which one is required; a shorter list of tools forces nothing."""
    assert is_unmet({**TOOLS, "tool_choice": chosen}, choice("words")) is forced


def test_a_call_of_another_kind_looks_sure() -> None:
    """Its input has no schema here: it is a call all the same; functions beside it are judged."""
    custom = {"id": "c", "type": "custom", "custom": {"name": "c", "input": "SELECT 1"}}
    assert not is_unmet({**TOOLS, "tool_choice": "required"}, choice(None, tool_calls=[custom]))
    assert not is_unmet({**TOOLS, **OBJECT}, choice(None, tool_calls=[custom]))
    assert is_unmet(TOOLS, choice(None, tool_calls=[custom, call("{")]))


def _bomb() -> dict[str, Any]:
    """Each level asks the next one twice: 2^40 checks."""
    levels = {f"l{n}": {"allOf": [{"$ref": f"#/$defs/l{n + 1}"}] * 2} for n in range(40)}
    return {"$defs": {**levels, "l40": {"type": "string"}}, "$ref": "#/$defs/l0"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^(a|aa)+$"},
        {"patternProperties": {"^(a+)+$": {}}},
        {"pattern": "("},
        _bomb(),
        {"$ref": "#"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "#/nowhere"},
        {"type": "no such type"},
    ],
    ids=lambda schema: str(schema)[:40],
)
def test_a_schema_cannot_hurt_its_reader(schema: dict[str, Any]) -> None:
    """Patterns, growth, circles, the network, nonsense: `Unjudgeable` soon, never a hang."""
    started = time.monotonic()
    with pytest.raises(Unjudgeable):
        is_valid("a" * 40 + "!", schema)
    assert time.monotonic() - started < 5


SLOW = "a" * 20 + "!"
"""For milliseconds of `SLOWLY`."""
SLOWLY = {"not": {"pattern": "^(a|aa)+$"}}


def test_all_patterns_have_one_clock() -> None:
    """Each is quick enough by itself; hundreds of them are too much."""
    assert is_valid(SLOW, SLOWLY)
    started = time.monotonic()
    with pytest.raises(Unjudgeable):
        is_valid([SLOW] * 1_000, {"items": SLOWLY})
    assert time.monotonic() - started < 2 * MOST_S


def test_all_values_of_a_judgement_have_one_clock() -> None:
    """Choices and calls share what one judgement may do."""
    work = Work(keywords=10)
    assert is_valid(1, {"type": "integer"}, work)
    with pytest.raises(Unjudgeable):
        [is_valid(1, {"type": "integer"}, work) for _ in range(10)]
    with pytest.raises(Unjudgeable):
        is_valid(1, True, Work(until=time.monotonic()))
    late = Work(until=time.monotonic())
    with pytest.raises(Unjudgeable):
        is_unmet(SCHEMA, choice('{"age": 3}'), late)


def test_much_work_is_refused_before_it_is_done() -> None:
    """Objects that cannot be sorted are compared each with each."""
    with pytest.raises(Unjudgeable):
        is_valid([{"n": n} for n in range(5_000)], {"uniqueItems": True})
    assert not is_valid([1, 1], {"uniqueItems": True})


def test_ordinary_schemas_are_judged() -> None:
    """References within, patterns, alternatives, bounds."""
    node = {"type": "object", "properties": {"next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}}}
    schema = {"$defs": {"node": {**node, "required": ["next"]}}, "$ref": "#/$defs/node"}
    assert is_valid({"next": {"next": None}}, schema)
    assert not is_valid({"next": {"next": 3}}, schema)
    assert is_valid("ab1", {"pattern": r"\d$"})
    assert not is_valid("abc", {"pattern": r"\d$"})
    assert not is_valid({"a": 1, "b": 2}, {"properties": {"a": {}}, "additionalProperties": False})
    assert is_valid([{"n": n} for n in range(300)], {"items": {"properties": {"n": {"minimum": 0}}}})
