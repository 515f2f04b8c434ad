"""Reads an attempt's chunks as they pass: tokens, time to first chunk, duration."""

from collections.abc import Sequence

from app.breaker import Clock
from app.cost.usage import content_pieces, read_usage
from app.domain import Chunk, Usage
from app.journey import AttemptRecord


class Meter:
    """Keeps `record` up to date.

    Reported usage is the truth. Since the last report each piece of content counts as one output token: what an answer
    that is cut before its usage has cost at least.
    """

    def __init__(self, record: AttemptRecord, clock: Clock) -> None:
        self._record = record
        self._clock = clock
        self._started = clock()
        self._expected_input = 0

    def expect(self, input_tokens: int) -> None:
        """The call was sent; `input_tokens` is the estimate of what it has the engine read."""
        self._expected_input = input_tokens

    def cut(self) -> None:
        """The answer ended early. What the engine read is paid, by estimate where it did not tell."""
        if self._record.usage.input_tokens == 0:
            self._record.usage += Usage(input_tokens=self._expected_input)

    def note(self, batch: Sequence[Chunk]) -> None:
        """Count one batch."""
        if self._record.first_chunk_s is None:
            self._record.first_chunk_s = self._clock() - self._started
        for chunk in batch:
            self._count(chunk)

    def _count(self, chunk: Chunk) -> None:
        reported = read_usage(chunk)
        if reported:
            self._record.usage = reported
        elif pieces := content_pieces(chunk):
            self._record.usage += Usage(output_tokens=pieces)

    def stop(self) -> None:
        """The attempt has ended."""
        self._record.duration_s = self._clock() - self._started
