"""Where a request's trace tells what became of it, so that records hold the numbers that spans and metrics show."""

from dataclasses import dataclass
from typing import Protocol

from app.config.recording import RecordingPolicy
from app.journey import AttemptOutcome, AttemptRecord, Journey


@dataclass(frozen=True, slots=True)
class Ended:
    """How a request ended. `cause` is as in `app.observe.ending.Ending`, `trace` the id of its trace, if it has one.

    `shadow`: it was made beside another one, and no client waited.
    """

    outcome: AttemptOutcome
    cause: str
    duration_s: float = 0.0
    first_chunk_s: float | None = None
    trace: str = ""
    shadow: bool = False


class Recording(Protocol):
    """Keeps records of requests. Nothing of it waits, nothing of it raises."""

    def planned(self, journey: Journey, tier: str, *, shadow: bool = False) -> None:
        """An attempt at `tier` is about to be reserved: it may be the last that is heard of the request."""
        ...

    def began(self, journey: Journey, attempt: AttemptRecord, *, shadow: bool = False) -> None:
        """An attempt begins: it may be the last that is heard of it."""
        ...

    def attempted(self, journey: Journey, attempt: AttemptRecord, *, shadow: bool = False) -> None:
        """An attempt is over, and priced."""
        ...

    def ended(self, journey: Journey, end: Ended) -> None:
        """The request is over. A shadow call without an attempt leaves no record."""
        ...


class NoRecording:
    """Keeps nothing."""

    def reconfigure(self, policy: RecordingPolicy) -> None:
        """Nothing."""

    def planned(self, journey: Journey, tier: str, *, shadow: bool = False) -> None:
        """Nothing."""

    def began(self, journey: Journey, attempt: AttemptRecord, *, shadow: bool = False) -> None:
        """Nothing."""

    def attempted(self, journey: Journey, attempt: AttemptRecord, *, shadow: bool = False) -> None:
        """Nothing."""

    def ended(self, journey: Journey, end: Ended) -> None:
        """Nothing."""


NO_RECORDING = NoRecording()
