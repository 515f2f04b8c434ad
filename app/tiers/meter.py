"""Reads an attempt's chunks as they pass: tokens, time to first chunk, duration."""

from collections.abc import Sequence

from app.cost.usage import content_pieces, read_usage
from app.domain import Chunk, Usage
from app.journey import AttemptRecord
from app.tiers.breaker import Clock


class Meter:
    """Keeps `record` up to date.

    Reported usage is the truth. Since the last report each piece of content counts as one output token: what an answer
    that is cut before its usage has cost at least.
    """

    def __init__(self, record: AttemptRecord, clock: Clock) -> None:
        self._record = record
        self._clock = clock
        self._started = clock()

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
