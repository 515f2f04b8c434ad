"""What was measured, as one table: medians with their quartiles beside a goal and a reference."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of `n` values and their quartiles, in the unit of the values."""

    p50: float
    low: float
    high: float
    n: int

    def show(self, unit: str, digits: int = 1) -> str:
        """`1.8 ms [1.7–2.0]`."""
        return f"{self.p50:.{digits}f} {unit} [{self.low:.{digits}f}–{self.high:.{digits}f}]"


def spread(values: Sequence[float], scale: float = 1.0) -> Spread:
    """Of at least two values, each times `scale`."""
    low, middle, high = statistics.quantiles([value * scale for value in values], n=4, method="inclusive")
    return Spread(middle, low, high, len(values))


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Where the true median is with 95% confidence, whatever the distribution: order statistics n/2 ± 0.98 √n."""
    ordered, reach = sorted(values), 0.98 * math.sqrt(len(values))
    low, high = math.floor(len(ordered) / 2 - reach), math.ceil(len(ordered) / 2 + reach)
    return ordered[max(low, 0)], ordered[min(high, len(ordered) - 1)]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    `sure` is False when noise could have turned the verdict. `data` are the numbers behind it, for
    `--json`; `notes` are printed below the table.
    """

    goal: str
    reference: str
    measured: str
    result: str
    met: bool
    data: dict[str, Any]
    notes: tuple[str, ...] = ()
    sure: bool = True

    def cells(self) -> tuple[str, ...]:
        """As printed."""
        verdict = ("met" if self.met else "MISSED") + ("" if self.sure else ", within noise")
        return (self.goal, self.reference, self.measured, self.result, verdict)


HEAD = ("goal", "reference", "measured", "ratio/difference", "met")


def table(rows: Sequence[Row]) -> str:
    """A table that is Markdown and readable as it is."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    shown.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(shown)


def report(rows: Sequence[Row], facts: Mapping[str, str]) -> str:
    """The table, the notes of its rows, and what must stand beside any figure."""
    notes = [note for row in rows for note in row.notes]
    return "\n".join([table(rows), *(f"- {note}" for note in [*notes, *(f"{k}: {v}" for k, v in facts.items())])])


def as_data(row: Row) -> dict[str, Any]:
    """A row for `--json`."""
    return asdict(row)


def concluded(rows: Sequence[Row], facts: dict[str, str], file: Path | None) -> int:
    """Print what was found, and write it to the `--json` file. The exit code: 0 when every goal is met, else 1."""
    print(report(rows, facts))
    if file:
        file.write_text(json.dumps({"rows": [as_data(row) for row in rows], "about": facts}, indent=1))
    return 0 if all(row.met for row in rows) else 1
