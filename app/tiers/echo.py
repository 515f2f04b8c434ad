"""The echo backend: a fake for load and fault tests. It repeats the prompt's words; no model answers."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from app.config import gateway as config
from app.domain import BackendCall, Chunk
from app.tiers.echo_journal import EchoJournal
from app.tiers.echo_script import EchoScript
from app.tiers.fuse import Fuse

_MAX_BURST = 64
"""Tokens produced without giving the event loop to others."""


@dataclass(frozen=True, slots=True)
class EchoStats:
    """Calls `started`, `active`, `aborted` before their end; tokens `produced`, the choices of one step as one."""

    started: int = 0
    active: int = 0
    aborted: int = 0
    produced: int = 0


class EchoBackend:
    """A deterministic fake `Backend` in OpenAI's wire format: equal calls get equal answers, at the configured pace.

    Tools, sampling and `stop` are taken and ignored. A token is a word.
    """

    def __init__(self, spec: config.EchoBackend, name: str) -> None:
        self._spec = spec
        self._name = name
        self._stats = EchoStats()
        self._journal = EchoJournal(Path(spec.journal)) if spec.journal else None

    @property
    def name(self) -> str:
        """Unique in the configuration."""
        return self._name

    def stats(self) -> EchoStats:
        """What happened so far."""
        return self._stats

    async def ready(self) -> bool:
        """Always."""
        return True

    async def send(self, call: BackendCall, fuse: Fuse | None = None) -> AsyncGenerator[list[Chunk], None]:
        """Batches of the tokens that are due, or one body when the last of them was. Closing it stops the clockwork.

        No choice makes more tokens than `fuse` lets it; read the next batch when there are more.
        """
        script = EchoScript.of(call, self._spec)
        with self._counted():
            async with aclosing(self._paced(len(script.tokens), fuse)) as bursts:
                async for burst in bursts:
                    self._written(script, call, burst)
                    if call.stream:
                        yield _chunks(script, burst)
            if not call.stream:
                yield [script.body()]

    def _written(self, script: EchoScript, call: BackendCall, burst: range) -> None:
        """What was read counts with the first token: an engine that dies before it has given nothing."""
        if self._journal:
            read = script.input_tokens if burst.start == 0 else 0
            self._journal.note(call.request_id, read, len(burst) * script.n)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._stats = replace(self._stats, started=self._stats.started + 1, active=self._stats.active + 1)
        aborted = 1
        try:
            yield
            aborted = 0
        finally:
            self._stats = replace(self._stats, active=self._stats.active - 1, aborted=self._stats.aborted + aborted)

    async def _paced(self, tokens: int, fuse: Fuse | None) -> AsyncGenerator[range, None]:
        """The positions of the tokens that have come due: the first alone, later ones together if the loop was late.

        Each has its moment counted from the start, so neither sleeping nor a slow reader makes the pace drift.
        """
        now = asyncio.get_running_loop().time
        start, done = now() + self._spec.time_to_first_token_ms / 1000, 0
        step = self._spec.time_per_token_ms / 1000
        while done < tokens:
            await asyncio.sleep(start + done * step - now())
            due = tokens if step == 0 else int((now() - start) / step) + 1
            most = min(tokens, fuse.each) if fuse else tokens
            end = 1 if done == 0 else min(max(due, done + 1), done + _MAX_BURST, most)
            self._stats = replace(self._stats, produced=self._stats.produced + end - done)
            yield range(done, end)
            done = end


def _chunks(script: EchoScript, burst: range) -> list[Chunk]:
    chunks = [chunk for position in burst for chunk in script.token(position)]
    first = script.opening() if burst.start == 0 else []
    last = script.ending() if burst.stop == len(script.tokens) else []
    return [*first, *chunks, *last]
