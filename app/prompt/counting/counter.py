"""Exact input tokens by tier."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from app.config.gateway import BackendSpec, EchoBackend, TierSpec, VllmBackend
from app.prompt.counting.files import TokenizerFiles, fetch_files, find_files
from app.prompt.counting.remembered import RememberedCount
from app.prompt.counting.template import ChatTemplate
from app.tiers.echo_script import count_words

Count = Callable[[Mapping[str, Any]], int | None]
"""The input tokens of a body, None where they are not certain."""

TextCount = Callable[[str], int]
"""The tokens of a text by itself."""

_ELSEWHERE_NAMES = """
chat_template kv_transfer_params prompt_embeds truncate_prompt_tokens mm_processor_kwargs functions
return_assistant_tokens_mask
"""
_ELSEWHERE = frozenset(_ELSEWHERE_NAMES.split())
"""Parameters with which the engine's prompt is not what its template makes of the body."""

_OWN_READING_NAMES = """
tokenizer tokenizer_mode chat_template chat_template_content_format default_chat_template_kwargs
exclude_tools_when_tool_choice_none trust_request_chat_template enable_prompt_embeds hf_config_path hf_overrides
"""
_OWN_READING = frozenset(_OWN_READING_NAMES.split())
"""Settings of an engine that change how it reads a request."""


class EngineCount:
    """As a vLLM engine counts that loaded the same files."""

    def __init__(self, files: TokenizerFiles) -> None:
        self._tokenizer = files.tokenizer
        self._template = ChatTemplate(files.template, files.special) if files.template else None

    def text(self, text: str) -> int:
        """The tokens of a part of a prompt, without special ones."""
        return self._tokens(text, special=False)

    def __call__(self, payload: Mapping[str, Any]) -> int | None:
        """Milliseconds for 4 KB."""
        given = {name for name, value in payload.items() if value is not None}
        if not _ELSEWHERE.isdisjoint(given) or {"messages", "prompt"} <= given:
            return None
        return self._chat(payload) if "messages" in given else self._plain(payload)

    def _chat(self, payload: Mapping[str, Any]) -> int | None:
        text = self._template.render(payload) if self._template else None
        return None if text is None else self._tokens(text, payload.get("add_special_tokens", False))

    def _plain(self, payload: Mapping[str, Any]) -> int | None:
        """Several prompts add up; token ids are what they are."""
        prompt, special = payload.get("prompt"), payload.get("add_special_tokens", True)
        if isinstance(prompt, str):
            return self._tokens(prompt, special)
        if not isinstance(prompt, list) or payload.get("suffix"):
            return None
        if all(type(each) is int for each in prompt):
            return len(prompt)
        return sum(self._tokens(each, special) if isinstance(each, str) else len(each) for each in prompt)

    def _tokens(self, text: str, special: bool) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=special).ids)


class InputCounter:
    """Counts the input tokens of a body for each tier that it knows.

    A tier is known when all of its backends are: an answer may come from any of them, and the most counts.
    """

    def __init__(self, counts: Mapping[str, Count] | None = None) -> None:
        self._counts: dict[str, Count] = dict(counts or {})
        self._texts: dict[str, TextCount] = {}
        self._pending: dict[str, tuple[TierSpec, str]] = {}

    @classmethod
    def open(cls, tiers: Sequence[TierSpec], source_of: Callable[[str], str]) -> Self:
        """`source_of` says where a model is: a directory, or a repository of the hub. Reads what is here."""
        counter = cls()
        readable = [tier for tier in tiers if all(map(_is_read_as_usual, tier.backends))]
        counter._pending = {tier.name: (tier, source_of(tier.model)) for tier in readable}
        counter._load()
        return counter

    @property
    def missing(self) -> list[str]:
        """Repositories of the hub whose files are not on this machine."""
        return [source for _, source in self._pending.values() if not Path(source).exists()]

    def fetch(self) -> None:
        """Bring what is missing from the hub: seconds, for a thread at start-up."""
        for tier, source in self._pending.values():
            for revision in {_revision(backend) for backend in tier.backends if isinstance(backend, VllmBackend)}:
                fetch_files(source, revision)
        self._load()

    def count(self, tier: str, payload: Mapping[str, Any]) -> int | None:
        """Exact input tokens of a chat or completion body at `tier`; None where that is not known.

        Never raises: a body that its template or tokenizer refuses is refused by the engine too.
        """
        try:
            return self._counts[tier](payload) if tier in self._counts else None
        except Exception:  # a template may raise anything
            return None

    def texts(self, tier: str) -> TextCount | None:
        """How the tier's tokenizer counts a text, remembered for longer ones; None where it is not known."""
        return self._texts.get(tier)

    async def counts(self, payload: Mapping[str, Any]) -> dict[str, int]:
        """By tier, beside the event loop: 4 KB take a millisecond or two."""
        found = await asyncio.to_thread(lambda: {tier: self.count(tier, payload) for tier in self._counts})
        return {tier: tokens for tier, tokens in found.items() if tokens is not None}

    def _load(self) -> None:
        for tier, source in list(self._pending.values()):
            found = [_count_of(backend, source) for backend in tier.backends]
            counts = [each for each in found if each is not None]
            if len(counts) == len(found):
                self._counts = {**self._counts, tier.name: _most_of(counts)}
                self._texts = {**self._texts, tier.name: RememberedCount(_text_count(counts[0]))}
                del self._pending[tier.name]


def _is_read_as_usual(backend: BackendSpec) -> bool:
    """An upstream is somebody else's: what it makes of a request is not known."""
    if isinstance(backend, VllmBackend):
        return _OWN_READING.isdisjoint(_engine(backend))
    return isinstance(backend, EchoBackend)


def _count_of(backend: BackendSpec, source: str) -> Count | None:
    if isinstance(backend, EchoBackend):
        return count_words
    files = find_files(source, _revision(backend)) if isinstance(backend, VllmBackend) else None
    return EngineCount(files) if files else None


def _text_count(count: Count) -> TextCount:
    return count.text if isinstance(count, EngineCount) else lambda text: len(text.split())  # the echo counts words


def _engine(backend: VllmBackend) -> Mapping[str, Any]:
    found = backend.llm.get("engine_kwargs")
    return found if isinstance(found, Mapping) else {}


def _revision(backend: VllmBackend) -> str | None:
    engine = _engine(backend)
    return engine.get("tokenizer_revision") or engine.get("revision")


def _most_of(counts: Sequence[Count]) -> Count:
    def most(payload: Mapping[str, Any]) -> int | None:
        found = [count(payload) for count in counts]
        return None if None in found else max(each for each in found if each is not None)

    return most
