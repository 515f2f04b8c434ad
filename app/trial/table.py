"""Rows of text in columns."""

from collections.abc import Sequence

NOTHING = "–"
"""Stands for what there is no number of."""


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line a row; the first column begins at the left, the others end at the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(_cell, row, widths, range(len(row)))).rstrip() for row in rows]


def _cell(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
