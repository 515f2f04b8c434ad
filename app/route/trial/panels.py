"""What is drawn of an evaluation, apart from how: one panel for all prompts, one for each domain.

Mean quality against mean cost, as a share of always-best's. Straight lines between two spots are real: by lot, every
point on them can be had.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.route.trial.evaluation import Evaluation, Part, Point

ROUTER, RANDOM, STATIC, ORACLE, POLICY, ALWAYS = "router", "random mix", "best static mix", "oracle", "policy", "always"
COLOURS = {
    ROUTER: "#0072B2",
    RANDOM: "#999999",
    STATIC: "#E69F00",
    ORACLE: "#009E73",
    POLICY: "#D55E00",
    ALWAYS: "#444444",
}
"""Of Okabe and Ito's palette: told apart by the colour-blind."""
DASHED = frozenset({RANDOM, STATIC})
MARGIN = 0.05
"""Of the height, above and below all that is drawn."""


@dataclass(frozen=True, slots=True)
class Line:
    """A curve by its name in `COLOURS`."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A single point by its name in `COLOURS`, and what it is."""

    name: str
    point: Point
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Cost goes from 0 to `most`, quality from `low` to `high`."""

    title: str
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    most: float
    low: float
    high: float


def panels(found: Evaluation) -> list[Panel]:
    """All prompts first."""
    return [panel(part, found.tiers) for part in (found.whole, *found.parts)]


def panel(part: Part, tiers: Sequence[str]) -> Panel:
    """One domain."""
    drawn = part.lines
    lines = (Line(RANDOM, drawn.random_mix), Line(STATIC, drawn.static_mix), Line(ROUTER, drawn.router))
    marks = (
        *(Mark(ALWAYS, point, f"{ALWAYS}-{name}") for name, point in zip(tiers, drawn.tiers, strict=True)),
        Mark(ORACLE, drawn.oracle, ORACLE),
        Mark(POLICY, drawn.policy, POLICY),
    )
    every = [point for line in lines for point in line.points] + [mark.point for mark in marks]
    low, high = min(point.quality for point in every), max(point.quality for point in every)
    room = MARGIN * ((high - low) or 1.0)
    most = max(1.0, *(point.cost for point in every))
    return Panel(f"{part.name} ({part.prompts:,} prompts)", lines, marks, most, low - room, high + room)


def told(what: str, point: Point) -> str:
    """`always-large: quality 81.2% for 100.0% of the cost`."""
    return f"{what}: quality {point.quality:.1%} for {point.cost:.1%} of the cost"
