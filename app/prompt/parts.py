"""What a body puts before the model, by where it comes from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.prompt.documents import Document, split_documents
from app.prompt.tokens import IMAGE_TOKENS, MEDIA

Kind = Literal["system", "history", "documents", "tools", "user"]

_SYSTEM = frozenset({"system", "developer"})
_SPOKEN_BY_OTHERS = frozenset({"assistant", "function"})
_NAMES = ("id", "title", "url", "source", "name")


@dataclass(frozen=True, slots=True)
class Part:
    """A text of one kind, and the tokens of what is no text with it: images, prompts given as token ids."""

    kind: Kind
    text: str
    tokens: int = 0
    media: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """A prompt taken apart. `messages` is how many a chat template wraps; 0 for a plain prompt."""

    parts: tuple[Part, ...]
    documents: tuple[Document, ...]
    messages: int = 0

    def texts(self, *kinds: Kind) -> list[str]:
        """The texts of these kinds, in order."""
        return [part.text for part in self.parts if part.kind in kinds]


def parts_of(payload: Mapping[str, Any]) -> Parts:
    """The parts of a chat, completion or embedding body, in the order of the prompt.

    `system` are system and developer messages, `user` the last user message, `history` all others, what tools answered
    too: an agent's loop made it. `tools` are their definitions. `documents` are vLLM's and Cohere's field of that name,
    message parts of a document's type, and what `app.prompt.documents` finds in any message but an assistant's. Never
    raises for a strange body: what is no text is left out.
    """
    reader = _Reader()
    messages = _mappings(payload.get("messages"))
    last = max((at for at, each in enumerate(messages) if each.get("role") == "user"), default=-1)
    for at, message in enumerate(messages):
        reader.message(message, _kind(message, at == last))
    for name in ("prompt", "input"):
        reader.plain(payload.get(name))
    reader.add("tools", "".join(_json(payload[name]) for name in ("tools", "functions") if payload.get(name)))
    reader.field(payload.get("documents"))
    return Parts(tuple(reader.parts), tuple(reader.documents), len(messages))


def _kind(message: Mapping[str, Any], asks: bool) -> Kind:
    if message.get("role") in _SYSTEM:
        return "system"
    return "user" if asks else "history"


class _Reader:
    """Collects parts and documents."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.documents: list[Document] = []

    def add(self, kind: Kind, text: str, tokens: int = 0, *, media: bool = False) -> None:
        if text or tokens:
            self.parts.append(Part(kind, text, tokens, media))

    def message(self, message: Mapping[str, Any], kind: Kind) -> None:
        content = message.get("content")
        read = self._own if message.get("role") in _SPOKEN_BY_OTHERS else self._text
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, str):
                read(kind, part)
            elif isinstance(part, Mapping):
                self._part(part, kind)
        for name in ("function_call", "reasoning", "reasoning_content"):
            if value := message.get(name):
                self.add(kind, _json(value))
        for call in _mappings(message.get("tool_calls")):
            self.add(kind, _json(call.get("function") or call))

    def _part(self, part: Mapping[str, Any], kind: Kind) -> None:
        said, text = part.get("type"), part.get("text", part.get("refusal"))
        if said == "document":
            self.document(part)
        elif isinstance(said, str) and said in MEDIA:
            self.add(kind, "", IMAGE_TOKENS, media=True)
        elif isinstance(text, str):
            self._text(kind, text)

    def _own(self, kind: Kind, text: str) -> None:
        self.add(kind, text)

    def _text(self, kind: Kind, text: str) -> None:
        rest, held, documents = split_documents(text)
        self.add("documents", held)
        self.add(kind, rest)
        self.documents += documents

    def plain(self, prompt: Any) -> None:
        """A plain prompt: a text, texts, token ids or lists of ids."""
        if isinstance(prompt, str):
            self._text("user", prompt)
        elif isinstance(prompt, list):
            self.add(
                "user", "", sum(len(each) if isinstance(each, list) else not isinstance(each, str) for each in prompt)
            )
            for each in prompt:
                self.plain(each if isinstance(each, str) else None)

    def field(self, documents: Any) -> None:
        for each in documents if isinstance(documents, list) else ():
            self.document(each)

    def document(self, given: Any) -> None:
        text = given if isinstance(given, str) else _json(given)
        names = [given[name] for name in _NAMES if isinstance(given.get(name), str)] if _is_mapping(given) else []
        self.add("documents", text)
        self.documents.append(Document(text, tuple(names)))


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
