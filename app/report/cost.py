"""What was spent, by any dimensions of a view, and what of it was in vain."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.ledger.reading import LedgerReader
from app.report.figures import FIGURES, figure_rows, measure, named_figures, savings_of
from app.report.sums import Sums, summed, view_of
from app.report.window import Window, covered, iso, stretches

_IN_VAIN = frozenset({"retry", "hedge", "draft"})


@dataclass(frozen=True, slots=True)
class Waste:
    """Attempts whose answer was given to nobody, of one role and cause."""

    role: str
    cause: str
    attempts: int
    micro_usd: int


@dataclass(frozen=True, slots=True)
class CostReport:
    """The costs of a tenant in [since, until), seconds since 1970, by dimensions."""

    tenant: str
    since: int
    until: int
    by: tuple[str, ...]
    sums: Sums
    waste: tuple[Waste, ...]

    def told(self) -> dict[str, Any]:
        """For JSON."""
        sums = self.sums
        return {
            "object": "report.cost",
            "tenant": self.tenant,
            "since": iso(self.since),
            "until": iso(self.until),
            "by": self.by,
            "rows": [dict(zip((*self.by, *FIGURES), line, strict=True)) for line in self.lines()],
            "other": {"rows": sums.rest.rows, **named_figures(sums.rest.sums)} if sums.rest else None,
            "total": named_figures(sums.total),
            "savings": savings_of(sums.total),
            "waste": [_told(each) for each in self.waste],
        }

    def lines(self) -> list[tuple[str | int, ...]]:
        """Of each row its dimensions, and its figures in the order of `FIGURES`."""
        rows = self.sums.rows
        numbers = figure_rows([row.sums for row in rows])
        return [(*row.values, *found) for row, found in zip(rows, numbers, strict=True)]


async def cost_report(
    reader: LedgerReader, tenant: str, by: Sequence[str], window: Window, limit: int = 100
) -> CostReport:
    """Read it. Raises `InvalidRequest` for dimensions that no view has together, and StoreUnavailable."""
    view, of = view_of(by), stretches(window)
    sums, models = await asyncio.gather(
        summed(reader, tenant, view, by, of, limit),
        summed(reader, tenant, "model", ("role", "cause"), of, cost="wasted_micro_usd"),
    )
    return CostReport(tenant, *covered(window), tuple(by), sums, _wasted(models))


def _wasted(sums: Sums) -> tuple[Waste, ...]:
    found = []
    for row in sums.rows:
        (role, cause), cost = row.values, measure(row.sums, "wasted_micro_usd")
        if cost or role in _IN_VAIN:
            found.append(Waste(role, cause, measure(row.sums, "attempts"), cost))
    return tuple(found)


def _told(waste: Waste) -> dict[str, Any]:
    return {
        "role": waste.role,
        "cause": waste.cause,
        "attempts": waste.attempts,
        "wasted_micro_usd": waste.micro_usd,
    }
