"""Figures by hour or day, for charts: the dearest series by name, the rest as one."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.errors import InvalidRequest
from app.ledger.reading import Cells, LedgerReader, Numbers
from app.ledger.rollups import SPANS, Span, Values
from app.report.figures import FIGURES, figures
from app.report.remembering import Remembering
from app.report.sums import in_parts, summed, view_of
from app.report.window import Stretch, Window, iso, spans_of, stretches

MOST_MEASURES = 8


@dataclass(frozen=True, slots=True)
class Timeline:
    """`table[i, j, k]` is the figure `measures[k]` of `names[i]` in the span that begins at `stretch.since + j` spans.

    Its last series is of all that has no name here: of so many `others`.
    """

    tenant: str
    stretch: Stretch
    by: tuple[str, ...]
    measures: tuple[str, ...]
    names: tuple[Values, ...]
    others: int
    table: Numbers

    def told(self) -> dict[str, Any]:
        """For JSON."""
        since, until, span = self.stretch.since, self.stretch.until, self.stretch.span
        named = zip(self.names, self.table, strict=False)
        series = [dict(zip(self.by, values, strict=True)) | self._lists(table) for values, table in named]
        return {
            "object": "report.timeline",
            "tenant": self.tenant,
            "since": iso(since),
            "until": iso(until),
            "span": span,
            "by": self.by,
            "measures": self.measures,
            "starts": [iso(at) for at in range(since, until, SPANS[span])],
            "series": series,
            "other": {"rows": self.others, **self._lists(self.table[-1])} if self.others else None,
        }

    def _lists(self, table: Numbers) -> dict[str, list[int]]:
        return dict(zip(self.measures, table.T.tolist(), strict=True))


async def timeline(
    reader: LedgerReader,
    tenant: str,
    by: Sequence[str],
    window: Window,
    span: Span,
    measures: Sequence[str],
    limit: int = 8,
) -> Timeline:
    """Read it. Raises `InvalidRequest` for dimensions, measures or hours that there are not, and StoreUnavailable."""
    view, stretch = view_of(by), spans_of(window, span)
    _check(measures)
    source = Remembering(reader)
    dearest = await summed(source, tenant, view, by, stretches(window), limit)
    places = {row.values: place for place, row in enumerate(dearest.rows)}
    length = SPANS[span]
    table = np.zeros((len(places) + 1, (stretch.until - stretch.since) // length, len(measures)), np.int64)
    async with aclosing(in_parts(source, tenant, view, [stretch])) as parts:
        async for cells in parts:
            where = _series(cells, by, places)[cells.which], (cells.starts - stretch.since) // length
            np.add.at(table, where, figures(cells.numbers, measures))
    others = dearest.rest.rows if dearest.rest else 0
    return Timeline(tenant, stretch, tuple(by), tuple(measures), tuple(places), others, table)


def _series(cells: Cells, by: Sequence[str], places: dict[Values, int]) -> Numbers:
    """For each of a view's values the place of its series."""
    at = [cells.dimensions.index(name) for name in by]
    found = [places.get(tuple(values[each] for each in at), len(places)) for values in cells.values]
    return np.array(found, np.int64)


def _check(measures: Sequence[str]) -> None:
    if unknown := set(measures) - set(FIGURES):
        raise InvalidRequest(f"no measure is called {min(unknown)!r}; there are {', '.join(FIGURES)}", "measures")
    if not 1 <= len(measures) <= MOST_MEASURES or len(set(measures)) < len(measures):
        raise InvalidRequest(f"measures must be one to {MOST_MEASURES} different ones", "measures")
