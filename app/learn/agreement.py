"""Whether two answers to one request say the same, as far as that can be told cheaply. Agreement, not correctness.

In order of how much the word of it is worth: tool calls and JSON are the same when they parse to the same; texts are
the same when they are but for case, white space, emphasis, what ends them and the commas of numbers; of two short texts
that are not, each says something else. Longer ones are compared by their meaning, as the graph's embedder sees it: a
cosine of at least `ALIKE`, and no number that only the shorter one has. Nobody measured how often that is right.
"""

import asyncio
import json
import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from app.domain import Chunk
from app.learn.records import Likeness

T = TypeVar("T")
Embed = Callable[[Sequence[str]], Awaitable[list[bytes]]]
"""Texts to little-endian float32 unit vectors, as `Normalizer.embed`."""

SHORT = 64
"""Characters: a label, a number, a name, a line. Two such answers agree literally or not at all."""
AT_ONCE = 4_096
"""Characters of both texts that are compared on the event loop, in under a millisecond; more go to a thread."""
ALIKE = 0.9
"""A choice, not a measurement: paraphrases of one paragraph are usually above it, two answers on one topic below."""

_MARKS = re.compile(r"[*_`#]+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_EDGE = " .!?…\"'"


@dataclass(frozen=True, slots=True)
class Likened:
    """How alike two answers are; `cosine` where the embedder was asked."""

    likeness: Likeness
    cosine: float | None = None


async def liken(one: Chunk, other: Chunk, embed: Embed) -> Likened | None:
    """Two whole bodies of one request, by their first choice; None where there is nothing to compare.

    Raises what `embed` raises.
    """
    calls = _calls(one), _calls(other)
    if any(calls):
        return Likened("same" if calls[0] == calls[1] else "different")
    texts = _text(one), _text(other)
    if not all(texts):
        return None
    return await _beside(_literally, *texts) or await _by_meaning(*texts, embed)


async def _beside(compare: Callable[[str, str], T], one: str, other: str) -> T:
    if len(one) + len(other) <= AT_ONCE:
        return compare(one, other)
    return await asyncio.to_thread(compare, one, other)


def _literally(one: str, other: str) -> Likened | None:
    """None where only the meaning could tell."""
    values = _json(one), _json(other)
    if any(value is not None for value in values):
        return Likened("same" if values[0] == values[1] else "different")
    if plain(one) == plain(other):
        return Likened("same")
    return Likened("different") if max(len(one), len(other)) <= SHORT else None


async def _by_meaning(one: str, other: str, embed: Embed) -> Likened:
    vectors = [np.frombuffer(vector, "<f4") for vector in await embed([one, other])]
    cosine = min(1.0, max(0.0, float(vectors[0] @ vectors[1])))
    alike = cosine >= ALIKE and await _beside(_same_numbers, one, other)
    return Likened("alike" if alike else "unlike", cosine)


def _same_numbers(one: str, other: str) -> bool:
    """Whether the longer text has every number of the shorter."""
    shorter, longer = sorted((plain(one), plain(other)), key=len)
    return set(_NUMBER.findall(shorter)) <= set(_NUMBER.findall(longer))


def plain(text: str) -> str:
    """A text without what does not change what it says: case, white space, emphasis, final stops, commas in numbers."""
    folded = _MARKS.sub("", unicodedata.normalize("NFKC", text).casefold())
    return _THOUSANDS.sub("", " ".join(folded.split()).strip(_EDGE))


def _first(body: Chunk) -> Mapping[str, Any]:
    choices = body.get("choices") or [{}]
    return choices[0] if isinstance(choices[0], Mapping) else {}


def _text(body: Chunk) -> str:
    choice = _first(body)
    said = choice.get("text") if "text" in choice else (choice.get("message") or {}).get("content")
    return said.strip() if isinstance(said, str) else ""


def _calls(body: Chunk) -> list[tuple[str, Any]]:
    """The calls of tools, by name and parsed arguments, in whatever order they were made."""
    message = _first(body).get("message") or {}
    made = [call.get("function") or {} for call in message.get("tool_calls") or ()]
    made += [message["function_call"]] if message.get("function_call") else []
    found = [(str(call.get("name")), _json(str(call.get("arguments"))) or call.get("arguments")) for call in made]
    return sorted(found, key=repr)


def _json(text: str) -> Any:
    """The object or list that a text is, fenced or not; None for any other text."""
    bare = text.strip()
    if bare.startswith("```"):
        bare = bare.removeprefix("```").removeprefix("json").lstrip()
    bare = bare.removesuffix("```").rstrip()
    if not bare.startswith(("{", "[")):
        return None
    try:
        return json.loads(bare)
    except (ValueError, RecursionError):
        return None
