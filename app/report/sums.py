"""Sums of a window by dimensions: the dearest groups by name, the rest added up, so that totals are always right."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from app.errors import InvalidRequest
from app.ledger.reading import Cells, Numbers
from app.ledger.rollups import MEASURES, VIEWS, Values, View
from app.report.figures import measure
from app.report.remembering import CellSource
from app.report.window import Stretch

MOST_GROUPS = 20_000
"""Groups that are told apart while a window is read: a tenant may name a new user in every request of a year."""
AHEAD = 1
"""Parts that are read before they are needed; more would only be more memory: Redis makes one at a time."""
VIEWS_ASKED: tuple[View, ...] = ("feature", "user", "team", "model")


@dataclass(frozen=True, slots=True)
class Row:
    """The sums of one group, in the order of `MEASURES`."""

    values: Values
    sums: Numbers


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of the groups: how many, at least, and their sums."""

    rows: int
    sums: Numbers


@dataclass(frozen=True, slots=True)
class Sums:
    """Groups by name, the dearest first, what is left of them, and everything."""

    rows: tuple[Row, ...]
    rest: Rest | None
    total: Numbers


def view_of(by: Sequence[str]) -> View:
    """The first view that has all of the dimensions. Raises `InvalidRequest`."""
    if len(set(by)) < len(by):
        raise InvalidRequest("by names a dimension twice", "by")
    for view in VIEWS_ASKED:
        if set(by) <= set(VIEWS[view]):
            return view
    known = "; ".join(",".join(VIEWS[view]) for view in VIEWS_ASKED)
    raise InvalidRequest(f"by must be some of the dimensions of one of: {known}", "by")


class Summing:
    """Adds up the groups of a view, part by part. `cost` is the measure that says which are the dearest."""

    def __init__(self, most: int = MOST_GROUPS, cost: str = "micro_usd") -> None:
        self._most, self._cost = most, cost
        self._groups: dict[Values, Numbers] = {}
        self._rows, self._rest = 0, np.zeros(len(MEASURES), np.int64)

    def add(self, groups: dict[Values, Numbers]) -> None:
        """More of them."""
        for values, sums in groups.items():
            known = self._groups.get(values)
            self._groups[values] = sums if known is None else known + sums
        if len(self._groups) > 2 * self._most:
            self._keep(self._most)

    def result(self, limit: int) -> Sums:
        """The `limit` dearest, and the rest."""
        total = sum(self._groups.values(), start=self._rest)
        self._keep(limit)
        rows = tuple(Row(values, sums) for values, sums in self._groups.items())
        return Sums(rows, Rest(self._rows, self._rest) if self._rows else None, total)

    def _keep(self, count: int) -> None:
        ordered = sorted(self._groups.items(), key=lambda each: (-measure(each[1], self._cost), each[0]))
        self._groups = dict(ordered[:count])
        self._rows += len(ordered[count:])
        self._rest = sum((sums for _, sums in ordered[count:]), start=self._rest)


async def summed(
    reader: CellSource,
    tenant: str,
    view: View,
    by: Sequence[str],
    of: Sequence[Stretch],
    limit: int = MOST_GROUPS,
    cost: str = "micro_usd",
) -> Sums:
    """The sums of stretches of time. Raises StoreUnavailable."""
    found = Summing(max(limit, MOST_GROUPS), cost)
    async with aclosing(in_parts(reader, tenant, view, of)) as parts:
        async for cells in parts:
            found.add(cells.by(*by))
    return found.result(limit)


async def in_parts(reader: CellSource, tenant: str, view: View, of: Sequence[Stretch]) -> AsyncGenerator[Cells, None]:
    """What stretches of time hold, part by part: Redis puts the next together while one is added up here."""
    coming: deque[asyncio.Task[Cells]] = deque()
    try:
        for part in (part for stretch in of for part in stretch.parts()):
            asked = reader.cells(tenant, view, part.since, part.until, part.span)
            coming.append(asyncio.ensure_future(asked))
            if len(coming) > AHEAD:
                yield await coming.popleft()
        while coming:
            yield await coming.popleft()
    finally:
        for task in coming:
            task.cancel()
