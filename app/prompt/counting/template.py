"""Chat templates as transformers 5 renders them: Jinja in a sandbox, with a few functions of its own."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.prompt.counting.conversation import read_messages, read_tools, read_variables, with_end

Now = Callable[[], datetime]
_END = "<the-end-of-the-last-text> "
"""Its final space tells whether the template strips what it prints."""


class _Generation(Extension):
    """`{% generation %}` marks an assistant's text for training; it prints what is in it."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own declaration

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)


class ChatTemplate:
    """One model's template; `special` are its special tokens by name (`bos_token` …)."""

    def __init__(self, source: str, special: Mapping[str, Any], now: Now = datetime.now) -> None:
        environment = _environment(now)
        self._template = environment.from_string(source)
        self._as_parts = _walks_parts(environment.parse(source))
        self._special = dict(special)

    def render(self, payload: Mapping[str, Any]) -> str | None:
        """The prompt of a chat body, None where vLLM might read it otherwise.

        Raises what the template and the readers of the body raise: the engine refuses such a request.
        """
        messages = read_messages(payload.get("messages"), as_parts=self._as_parts)
        if messages is None:
            return None
        variables = {**self._special, **read_variables(payload), "tools": read_tools(payload.get("tools"))}
        variables.setdefault("documents", None)
        if not payload.get("continue_final_message"):
            return self._template.render(messages=messages, **variables)
        if variables["add_generation_prompt"]:
            return None
        marked, text = with_end(messages, _END)
        return _cut(self._template.render(messages=marked, **variables), text)


def _cut(rendered: str, text: str) -> str | None:
    """The prompt up to the end of the last text, None where the template did not print that."""
    end = rendered.rfind(_END.strip())
    if end < 0 or text.strip() not in rendered:
        return None
    return rendered[:end] if rendered.startswith(_END, end) else rendered[:end].rstrip()


def _environment(now: Now) -> ImmutableSandboxedEnvironment:
    found = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    found.filters["tojson"] = _tojson
    found.globals |= {"raise_exception": _refuse, "strftime_now": lambda form: now().strftime(form)}
    return found


def _tojson(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    """Jinja's own filter escapes for HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(reason: str) -> NoReturn:
    raise TemplateError(reason)


def _walks_parts(tree: nodes.Template) -> bool:
    """Whether a loop goes over a message's content: vLLM then hands over parts, else text."""
    return any(_is_content(loop.iter) for loop in tree.find_all(nodes.For))


def _is_content(node: nodes.Node | None) -> bool:
    """`content`, `message.content` or `message["content"]`, the latter two with filters or in part."""
    if isinstance(node, nodes.Name):
        return node.name == "content"
    while isinstance(node, nodes.Filter | nodes.Test | nodes.Getitem) and not _is_key(node):
        node = node.node
    named = (
        _is_key(node) if isinstance(node, nodes.Getitem) else isinstance(node, nodes.Getattr) and node.attr == "content"
    )
    return named and isinstance(node, nodes.Getitem | nodes.Getattr) and isinstance(node.node, nodes.Name)


def _is_key(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and node.arg.value == "content"
