"""What the cache gets right on labelled pairs, beside a plain cosine: recall, false hits, and the curve between them.

Recall is the share of hits among pairs that want the same answer, the false-hit rate that among pairs that do not.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.cache.pairs import BATCH, Judged, PairJudge
from app.cache.trial.lines import Label, Labelled
from app.errors import ConfigError
from app.trial.lines import ALL
from app.trial.shares import Share

COSINES = (0.95, 0.9, 0.85)
"""Thresholds of today's practice, for comparison."""
MOST_POINTS = 200
"""Of one curve; more are not seen."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What is kept of a labelled pair once it was judged."""

    label: Label
    category: str
    judged: Judged

    @property
    def p_same(self) -> float:
        """0–1: 1 for the same request, 0 for what can be no hit."""
        return self.judged.p_same or 0.0

    @property
    def similarity(self) -> float:
        """The cosine, 0–1."""
        return self.judged.similarity


Score = Callable[[Scored], float]


@dataclass(frozen=True, slots=True)
class Rates:
    """Hits among the pairs that want the same answer, and among the others."""

    recall: Share
    false_hits: Share


@dataclass(frozen=True, slots=True)
class Point:
    """One threshold of a curve; the rates are None where no pair has such a label."""

    threshold: float
    recall: float | None
    false_hit_rate: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """One category. `cosine` are the rates at `COSINES`, `reasons` those of missed and of false hits."""

    name: str
    verifier: Rates
    cosine: tuple[Rates, ...]
    verifier_curve: tuple[Point, ...]
    cosine_curve: tuple[Point, ...]
    missed: Counter[str]
    wrong: Counter[str]

    @property
    def pairs(self) -> int:
        """How many."""
        return self.verifier.recall.of + self.verifier.false_hits.of


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All categories, by name, and `whole`, all pairs together; at the operating point `point`."""

    parts: tuple[Part, ...]
    whole: Part
    point: float
    verifier: str

    @property
    def every(self) -> tuple[Part, ...]:
        """The categories, where there are several, and all together."""
        return (*self.parts, self.whole) if [part.name for part in self.parts] != [ALL] else (self.whole,)


def score(pairs: Iterable[Labelled], judge: PairJudge) -> Iterator[Scored]:
    """Judge labelled pairs, in order, `BATCH` in memory at a time.

    Raises ConfigError under a policy with a plain `threshold`: nothing asks the verifier then.
    """
    if judge.policy.cache.threshold is not None:
        raise ConfigError("the policy has a plain `threshold`: there is no verifier to evaluate")
    source = iter(pairs)
    while batch := list(islice(source, BATCH)):
        found = judge.judge([each.pair for each in batch])
        yield from (Scored(one.label, one.category, judged) for one, judged in zip(batch, found, strict=True))


def evaluate(scored: Sequence[Scored], judge: PairJudge) -> Evaluation:
    """The numbers of judged pairs. Raises ConfigError where there are none."""
    if not scored:
        raise ConfigError("no pairs to evaluate")
    by_category: dict[str, list[Scored]] = {}
    for one in scored:
        by_category.setdefault(one.category, []).append(one)
    parts = tuple(part(name, by_category[name]) for name in sorted(by_category))
    return Evaluation(parts, part(ALL, scored), judge.point, judge.verifier.version)


def part(name: str, scored: Sequence[Scored]) -> Part:
    """The numbers of one category."""
    same, other = [s for s in scored if s.label], [s for s in scored if not s.label]
    return Part(
        name,
        rates(scored, lambda s: s.judged.hit),
        tuple(rates(scored, lambda s, least=least: s.similarity >= least) for least in COSINES),  # type: ignore[misc]
        curve(same, other, lambda s: s.p_same),
        curve(same, other, lambda s: s.similarity),
        Counter(s.judged.reason for s in same if not s.judged.hit),
        Counter(s.judged.reason for s in other if s.judged.hit),
    )


def rates(scored: Sequence[Scored], hits: Callable[[Scored], bool]) -> Rates:
    """Count what `hits` says."""
    same = [hits(s) for s in scored if s.label]
    other = [hits(s) for s in scored if not s.label]
    return Rates(Share(sum(same), len(same)), Share(sum(other), len(other)))


def curve(same: Sequence[Scored], other: Sequence[Scored], value: Score) -> tuple[Point, ...]:
    """Both rates at falling thresholds, at each score that occurs or at `MOST_POINTS` of them; 0 is no hit."""
    falling = sorted([(value(s), s.label) for s in (*same, *other) if value(s) > 0], reverse=True)
    points, hits = [], Counter[int]()
    for place, (threshold, label) in enumerate(falling):
        hits[label] += 1
        if place + 1 == len(falling) or falling[place + 1][0] < threshold:
            points.append(Point(threshold, _share(hits[1], len(same)), _share(hits[0], len(other))))
    return tuple(thinned(points))


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most `MOST_POINTS`, evenly along the curve's own length: where it bends they stay near."""
    if len(points) <= MOST_POINTS:
        return list(points)
    places = [((p.recall or 0.0) + (p.false_hit_rate or 0.0)) for p in points]
    step = places[-1] / (MOST_POINTS - 2)
    kept, last = [points[0]], places[0]
    for point, place in zip(points[1:-1], places[1:-1], strict=True):
        if place - last >= step:
            kept.append(point)
            last = place
    return [*kept, points[-1]]


def document(found: Evaluation) -> dict[str, Any]:
    """`results.json`: every number of the table and of the curves."""
    return {
        "verifier": found.verifier,
        "operating_point": found.point,
        "all": _part(found.whole),
        "categories": {each.name: _part(each) for each in found.parts},
    }


def _part(found: Part) -> dict[str, Any]:
    return {
        "pairs": found.pairs,
        "verifier": _rates(found.verifier),
        "cosine": {str(least): _rates(each) for least, each in zip(COSINES, found.cosine, strict=True)},
        "missed_because": dict(found.missed.most_common()),
        "false_hits_because": dict(found.wrong.most_common()),
        "curves": {"verifier": _points(found.verifier_curve), "cosine": _points(found.cosine_curve)},
    }


def _rates(found: Rates) -> dict[str, Any]:
    return {"recall": _told(found.recall), "false_hits": _told(found.false_hits)}


def _told(share: Share) -> dict[str, Any]:
    low, high = share.interval()
    return {"count": share.count, "of": share.of, "rate": share.rate, "low": low, "high": high}


def _points(points: Sequence[Point]) -> list[list[float | None]]:
    """Threshold, recall, false-hit rate."""
    return [[p.threshold, p.recall, p.false_hit_rate] for p in points]


def _share(count: int, of: int) -> float | None:
    return count / of if of else None
