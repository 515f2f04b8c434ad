"""What a sin is to the audit, and what every finding needs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from app.audit.case import Case, Lines
from app.audit.finding import Change, Place
from app.audit.notes import Noted

LEAST_REQUESTS = 20
"""Fewer are an anecdote: of 20 requests a share is known to within some 20 points (95%, normal approximation)."""

LEAST_SHARE = 0.01
"""Of what the feature spent. What saves less is not worth a change in configuration, and is lost in a week's noise."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a sin sees in one case: under which `cause`, and how much of what could be sinful is: `part` of `whole`."""

    cause: str = ""
    part: int = 0
    whole: int = 1


class Sin(Protocol):
    """One sin. `looks` is asked once for every case, those of one cache key together in the order of time.

    `unit` is what looks are counted in; `least_ratio` is what `part` is of `whole` at least where the sin stands, in
    the feature, or with `by_cause` in each of its causes. `rule` says in words what is counted and from where on,
    `assumed` what is not known and taken for granted.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    rule: ClassVar[str]
    assumed: ClassVar[str]
    unit: ClassVar[str]
    least_ratio: ClassVar[float]
    by_cause: ClassVar[bool]

    def looks(self, noted: Noted) -> Iterable[Look]:
        """What it sees; nothing where the case is none of its kind."""
        ...

    def fixed(self, case: Case, lines: Lines, cause: str) -> Lines:
        """What would have been paid instead of `lines`, of what another fix may have left."""
        ...

    def sure(self, case: Case, saved: int) -> int:
        """How much of what was saved by itself rests on nothing assumed, micro-USD."""
        ...

    def change(self, places: Sequence[Place], days: float) -> Change:
        """What ends it in these places, of a window of so many days."""
        ...
