"""Retrieved documents within a text, by a short convention.

A document stands between `<document …>` and `</document>` (or `doc`, `passage`, `chunk`, `snippet`, `search_result`),
several of them in `<documents>` (or `context`, `passages`, `chunks`, `search_results`, `retrieved`). What such a
container holds without documents in it is cut at lines of `---`, `[1]` or `Document 1:`. Without any tags, what follows
a line that begins with `Context:` (`Documents:`, `Sources:`, `Search results:` …) is one container up to the line that
begins with `Question:` (`Query:`, `Task:`, `Answer:` …). Nothing else is taken for a document.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LEAF = "document|doc|passage|chunk|snippet|search_result"
_HOLDER = "documents|context|passages|chunks|snippets|search_results|retrieved"
_TAG = re.compile(rf"<(/?)({_HOLDER}|{_LEAF})((?:\s[^<>]{{0,400}})?)>", re.IGNORECASE)
_LEAVES = frozenset(_LEAF.split("|"))
_DEEPEST = 8

_BEGIN = re.compile(
    r"^[#*\s]{0,8}(?:retrieved |reference |relevant )?(?:context|documents|sources|passages|search results)\**:",
    re.IGNORECASE | re.MULTILINE,
)
_END = re.compile(
    r"^[#*\s]{0,8}(?:user(?:'s)? )?(?:question|query|task|request|instructions?|answer)\**:",
    re.IGNORECASE | re.MULTILINE,
)
_CUT = re.compile(
    r"^[ \t]*(?:-{3,}|={3,}|(?=\[\d{1,3}\])|(?=(?:document|source|passage|doc) ?\d{1,3}\b))",
    re.IGNORECASE | re.MULTILINE,
)

_NAME_ATTRIBUTE = re.compile(
    r"""\b(?:id|index|title|name|source|url|file)\s*=\s*["']([^"'<>]{1,200})["']""", re.IGNORECASE
)
_NAME_TAG = re.compile(r"<(source|title|url|id|name)>([^<>]{1,200})</\1>", re.IGNORECASE)
_NUMBER = re.compile(r"\s*(?:\[(\d{1,3})\]|(?:document|source|passage|doc) ?(\d{1,3})\b)", re.IGNORECASE)
_HEAD = 600
"""Where a document's own tags say what it is called."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its text, and the names by which an answer may cite it (number, title, source, address)."""

    text: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class _Open:
    name: str
    start: int
    inner: int
    attributes: str


def split_documents(text: str) -> tuple[str, str, list[Document]]:
    """`text` without its documents, all that belongs to them (their tags too), and the documents in order."""
    spans = _tagged(text) or list(_headed(text))
    if not spans:
        return text, "", []
    edges = [0, *(edge for span in spans for edge in (span.start, span.end)), len(text)]
    rest = "".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
    held = "".join(text[span.start : span.end] for span in spans)
    return rest, held, [document for span in spans for document in span.documents]


def _tagged(text: str) -> list[_Span]:
    """The outermost tags of the convention that are closed. One pass: an opening that never closes costs nothing."""
    found: list[_Span] = []
    stack: list[_Open] = []
    for tag in _TAG.finditer(text):
        name = tag[2].lower()
        if not tag[1]:
            stack = [*stack[-_DEEPEST:], _Open(name, tag.start(), tag.end(), tag[3])]
        elif any(each.name == name for each in stack):
            while (opened := stack.pop()).name != name:
                pass
            inner: list[Document] = []
            while found and found[-1].start > opened.start:
                inner[:0] = found.pop().documents
            documents = inner or _read(opened, text[opened.inner : tag.start()])
            found.append(_Span(opened.start, tag.end(), tuple(documents)))
    return found


def _read(opened: _Open, content: str) -> list[Document]:
    if opened.name in _LEAVES:
        return [Document(content, tuple(_names(content, opened.attributes)))]
    return _cut(content)


def _headed(text: str) -> Iterator[_Span]:
    begin = _BEGIN.search(text)
    end = _END.search(text, begin.end()) if begin else None
    if begin and end:
        yield _Span(begin.start(), end.start(), tuple(_cut(text[begin.end() : end.start()])))


def _cut(content: str) -> list[Document]:
    pieces = (piece.strip() for piece in _CUT.split(content))
    return [Document(piece, tuple(_names(piece, ""))) for piece in pieces if piece]


def _names(content: str, attributes: str) -> Iterator[str]:
    head = content[:_HEAD]
    yield from _NAME_ATTRIBUTE.findall(attributes)
    yield from (name.strip() for _, name in _NAME_TAG.findall(head))
    if number := _NUMBER.match(head):
        yield number[1] or number[2]
