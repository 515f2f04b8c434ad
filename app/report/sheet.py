"""CSV that a spreadsheet takes for what it is: text that clients named stays text, numbers stay numbers."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from app.report.cost import CostReport
from app.report.figures import FIGURES, named_figures
from app.report.outcomes import OutcomeReport
from app.report.timeline import Timeline

OTHERS = "(other)"
"""Stands in the first column of what has no row of its own: no dimension's value has brackets by itself."""
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""OWASP, "CSV Injection": a cell that begins so is run as a formula by spreadsheets."""


def cost_sheet(report: CostReport) -> str:
    """A line for each row, and one for the rest."""
    rows: list[Sequence[Any]] = [*report.lines()]
    if rest := report.sums.rest:
        names = [OTHERS, *[""] * (len(report.by) - 1)][: len(report.by)]
        rows.append([*names, *named_figures(rest.sums).values()])
    return sheet([*report.by, *FIGURES], rows)


def outcome_sheet(report: OutcomeReport) -> str:
    """A line for each feature and type."""
    rows = report.rows()
    titles = (
        *("feature", "type", "outcomes", "successes", "value", "micro_usd", "micro_usd_per_outcome"),
        *("micro_usd_per_success", "feature_requests", "feature_micro_usd"),
    )
    return sheet(titles, [[row[title] for title in titles] for row in rows])


def timeline_sheet(line: Timeline) -> str:
    """A line for each series and each hour or day, in UTC."""
    told = line.told()
    others = [{line.by[0]: OTHERS, **told["other"]}] if told["other"] and line.by else []
    rows = [
        [start, *(each.get(name, "") for name in line.by), *(each[name][at] for name in line.measures)]
        for each in (*told["series"], *others)
        for at, start in enumerate(told["starts"])
    ]
    return sheet([line.stretch.span, *line.by, *line.measures], rows)


def sheet(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """RFC 4180, with text in quotes."""
    out = io.StringIO(newline="")
    lines = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    lines.writerow(titles)
    lines.writerows([[_defused(cell) for cell in row] for row in rows])
    return out.getvalue()


def _defused(cell: Any) -> Any:
    if isinstance(cell, str) and cell.startswith(_BEGINS_FORMULA):
        return "'" + cell
    return "" if cell is None else cell
