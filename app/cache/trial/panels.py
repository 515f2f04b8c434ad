"""What is drawn of an evaluation, apart from how: one panel for all pairs, one for each category.

Pairs of both labels give recall against false hits. A category whose pairs all want the same answer, or all different
ones, has one rate only: it is drawn against the threshold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.cache.trial.evaluation import COSINES, Evaluation, Part, Point, Rates
from app.trial.lines import ALL

LEAST = 0.0005
"""The left end of the axis of false hits, which is logarithmic; what is below, zero too, is drawn there."""
COLOURS = {"verifier": "#0072B2", "cosine": "#E69F00"}
"""Of Okabe and Ito's palette: told apart by the colour-blind."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a panel, and its numbers in words where it is a measured one."""

    x: float
    y: float
    told: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A curve, to be drawn as steps: level to the next spot's x, then up. Nothing between two spots was measured."""

    name: str
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """`x` from `LEAST` to 1 on a logarithmic axis where `rates`, else from 0 to 1; `y` from 0 to 1.

    `marks` are the operating point and the first of `COSINES`, by name; `threshold` is the operating point on an axis
    of thresholds.
    """

    title: str
    rates: bool
    below: str
    beside: str
    lines: tuple[Line, ...]
    marks: tuple[tuple[str, Spot], ...] = ()
    threshold: float = 0.0


def panels(found: Evaluation) -> list[Panel]:
    """All pairs first."""
    parts = [found.whole, *(part for part in found.every if part.name != ALL)]
    return [panel(part, found.point) for part in parts]


def panel(part: Part, point: float) -> Panel:
    """One category."""
    title = f"{part.name} ({part.pairs:,} pairs)"
    curves = {"cosine": part.cosine_curve, "verifier": part.verifier_curve}
    if part.verifier.recall.of and part.verifier.false_hits.of:
        lines = tuple(Line(name, tuple(_against_false_hits(name, points))) for name, points in curves.items())
        marks = (
            ("cosine", _mark(f"cosine ≥ {COSINES[0]}", part.cosine[0])),
            ("verifier", _mark("operating point", part.verifier)),
        )
        return Panel(title, True, "false-hit rate", "recall", lines, marks)
    lines = tuple(Line(name, tuple(_against_threshold(name, points))) for name, points in curves.items())
    beside = "recall" if part.verifier.recall.of else "false-hit rate"
    return Panel(title, False, "threshold", beside, lines, threshold=point)


def _against_false_hits(name: str, points: Sequence[Point]) -> Iterator[Spot]:
    yield Spot(LEAST, 0.0)
    for point in points:
        yield Spot(_drawn(point.false_hit_rate), point.recall or 0.0, _told(name, point))


def _against_threshold(name: str, points: Sequence[Point]) -> Iterator[Spot]:
    last = 0.0
    yield Spot(1.0, last)
    for point in points:
        last = (point.false_hit_rate if point.recall is None else point.recall) or 0.0
        yield Spot(point.threshold, last, _told(name, point))
    yield Spot(0.0, last)


def _mark(what: str, rates: Rates) -> Spot:
    false, recall = rates.false_hits.rate, rates.recall.rate or 0.0
    return Spot(_drawn(false), recall, f"{what}: recall {recall:.2%}, false {false or 0.0:.2%}")


def _told(name: str, point: Point) -> str:
    rates = [("recall", point.recall), ("false", point.false_hit_rate)]
    words = ", ".join(f"{what} {value:.2%}" for what, value in rates if value is not None)
    return f"{name} ≥ {point.threshold:.4f}: {words}"


def _drawn(false_hit_rate: float | None) -> float:
    return max(LEAST, false_hit_rate or 0.0)
