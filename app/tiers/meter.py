"""Reads an attempt's chunks as they pass: tokens, time to first chunk, duration."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.breaker import Clock
from app.cost.usage import Tally
from app.domain import Chunk, Usage
from app.journey import AttemptRecord


class Meter:
    """Keeps `record` up to date.

    `most` output tokens, as many as were granted, count: what an engine made beyond them nobody was given.
    """

    def __init__(self, record: AttemptRecord, clock: Clock, most: Callable[[], int]) -> None:
        self._record = record
        self._clock = clock
        self._started = clock()
        self._expected_input = 0
        self._tally = Tally()
        self._most = most

    @property
    def is_used_up(self) -> bool:
        """Whether its engine was held: it made all that was granted, and no more."""
        return self._record.usage.output_tokens >= self._most()

    def expect(self, input_tokens: int) -> None:
        """The call was sent; `input_tokens` is the estimate of what it has the engine read."""
        self._expected_input = input_tokens

    def cut(self) -> None:
        """The answer ended early. What the engine read is paid, by estimate where it did not tell."""
        if self._record.usage.input_tokens == 0 and self._expected_input:
            self._record.usage += Usage(input_tokens=self._expected_input)
            self._record.estimated = True

    def lost(self, risked: Usage) -> None:
        """Nobody can say what the engine made beyond what was seen: it may be all that it was granted."""
        seen = self._record.usage
        input_tokens = max(seen.input_tokens, risked.input_tokens)
        output_tokens = max(seen.output_tokens, risked.output_tokens)
        self._record.usage = replace(seen, input_tokens=input_tokens, output_tokens=output_tokens)
        self._record.estimated = True

    def told(self, output_tokens: int | None) -> None:
        """The engine says what it made: what was under way when the client left, the client was not shown.

        None: it does not say, and what was seen is the least that it made.
        """
        if output_tokens is None:
            self._record.estimated = True
            return
        usage = self._record.usage
        self._record.usage = replace(usage, output_tokens=max(usage.output_tokens, output_tokens))

    def note(self, batch: Sequence[Chunk]) -> None:
        """Count one batch."""
        if self._record.first_chunk_s is None:
            self._record.first_chunk_s = self._clock() - self._started
        for chunk in batch:
            self._record.usage = self._tally.note(chunk)

    def stop(self) -> None:
        """The attempt has ended."""
        usage = self._record.usage
        if usage.output_tokens > (most := self._most()):
            self._record.usage = replace(usage, output_tokens=most, reasoning_tokens=min(usage.reasoning_tokens, most))
        self._record.duration_s = self._clock() - self._started
