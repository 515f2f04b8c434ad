"""Whether two answers agree: literally where that can be told, by meaning where not."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from app.domain import Chunk
from app.learn.agreement import AT_ONCE, SHORT, liken

LONG = "The library opens at nine in the morning and closes at five in the evening, on weekdays only, since March."


class Meaning:
    """A fake embedder: the second text is at the given cosine to the first."""

    def __init__(self, cosine: float) -> None:
        self.cosine = cosine
        self.calls = 0

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        self.calls += 1
        sine = (1 - self.cosine**2) ** 0.5
        return [np.array(v, dtype="<f4").tobytes() for v in ([1.0, 0.0], [self.cosine, sine])[: len(texts)]]


def said(content: str | None, **message: Any) -> Chunk:
    """A whole body."""
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": content, **message}}]}


def called(*calls: tuple[str, str]) -> Chunk:
    """A body that calls tools."""
    made = [{"id": str(n), "function": {"name": name, "arguments": args}} for n, (name, args) in enumerate(calls)]
    return said(None, tool_calls=made)


async def likeness(one: Chunk, other: Chunk, cosine: float = 0.0) -> str:
    found = await liken(one, other, Meaning(cosine).embed)
    return found.likeness if found else "none"


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("Paris", " **paris**.\n", "same"),
        ("1,250", "1250", "same"),
        ("4", "14", "different"),
        ("yes", "no", "different"),
        ("Paris", "Paris, I think", "different"),
        ('{"a": 1, "b": [2]}', '```json\n{"b": [2], "a": 1}\n```', "same"),
        ('{"a": 1}', '{"a": 2}', "different"),
        ('{"a": 1}', "a is one", "different"),
        (LONG, LONG.upper() + " ", "same"),
    ],
)
async def test_what_can_be_told_literally(one: str, other: str, wanted: str) -> None:
    """Whatever the embedder would say, which is not asked; and the same the other way round."""
    meaning = Meaning(1.0)
    for first, second in ((one, other), (other, one)):
        found = await liken(said(first), said(second), meaning.embed)
        assert found is not None
        assert (found.likeness, found.cosine) == (wanted, None)
    assert meaning.calls == 0


async def test_runs_of_blanks_are_read_at_once() -> None:
    """Time grows with the text, not with its square; fences with blanks within are fences."""
    blanks, started = " " * 50_000, time.process_time()
    assert await likeness(said(f"one{blanks}two"), said("one two")) == "same"
    assert time.process_time() - started < 0.5
    assert await likeness(said(f"```json{blanks}[1]{blanks}\n```"), said("[1]")) == "same"


@pytest.mark.parametrize("cosine", [None, 0.95])
async def test_long_texts_are_compared_beside_the_event_loop(cosine: float | None) -> None:
    """Others go on meanwhile, whether the comparison is literal or of numbers."""
    went_on: list[int] = []
    loop, text = asyncio.get_running_loop(), "word 7 " * AT_ONCE

    class Watching(Meaning):
        async def embed(self, texts: Sequence[str]) -> list[bytes]:
            went_on.clear()
            loop.call_soon(went_on.append, 1)
            return await super().embed(texts)

    loop.call_soon(went_on.append, 1)
    other = text if cosine is None else f"{text} and more"
    assert await liken(said(text), said(other), Watching(cosine or 0.0).embed)
    assert went_on


async def test_longer_answers_are_compared_by_meaning_and_numbers() -> None:
    """Near enough, and with no number in the shorter one that the longer lacks."""
    other = LONG.replace("since March", "as of March, every week of the year")
    assert len(other) > SHORT
    assert await likeness(said(LONG), said(other), 0.95) == "alike"
    assert await likeness(said(LONG), said(other), 0.85) == "unlike"
    assert (
        await likeness(said(LONG + " Room 12."), said(other + " It is in room 21 on the second floor."), 0.99)
        == "unlike"
    )
    assert await likeness(said(LONG + " Room 12."), said(other + " 12 is the room, 2 the floor."), 0.99) == "alike"


async def test_tool_calls_agree_by_name_and_arguments() -> None:
    """In any order of calls and of fields; text beside them does not count."""
    one = called(("find", '{"a": 1, "b": 2}'), ("stop", "{}"))
    assert await likeness(one, called(("stop", "{}"), ("find", '{"b":2,"a":1}'))) == "same"
    assert await likeness(one, called(("find", '{"a": 1, "b": 3}'), ("stop", "{}"))) == "different"
    assert await likeness(one, said("find")) == "different"
    assert await likeness(called(("f", "not json")), called(("f", "not json"))) == "same"


@pytest.mark.parametrize("broken", [{}, {"choices": []}, {"choices": [None]}, said(None), said(""), said("  \n")])
async def test_nothing_to_compare_is_nothing(broken: Chunk) -> None:
    """No answer agrees with none, nor does it disagree."""
    assert await likeness(broken, said("Paris")) == "none"
    assert await likeness(broken, broken) == "none"


async def test_text_completions_are_read_too() -> None:
    """Their text stands elsewhere."""
    assert await likeness({"choices": [{"text": " Paris"}]}, {"choices": [{"text": "Paris."}]}) == "same"
