"""What reports say of the ledger's sums: its measures, with what was saved instead of what would have been paid.

Savings are told one after the other, each against what came before it: first the caches, then the routing, then
limits and all else (`app/ledger/against.py`). What they saved together is `nothing_micro_usd - micro_usd`: they sum to
it always, and each may be a loss.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from app.ledger.reading import Numbers
from app.ledger.rollups import MEASURES

_AT = {name: place for place, name in enumerate(MEASURES)}

_SAVED = {
    "cache_saved_micro_usd": ("nothing_micro_usd", "cache_micro_usd"),
    "routing_saved_micro_usd": ("cache_micro_usd", "routing_micro_usd"),
    "limits_saved_micro_usd": ("routing_micro_usd", "micro_usd"),
}
FIGURES = (
    *MEASURES[: _AT["nothing_micro_usd"] + 1],
    *_SAVED,
    "duration_ms",
)
"""All are whole numbers. `nothing_micro_usd` is what it would have cost without LeanServe."""


def measure(sums: Numbers, name: str) -> int:
    """One of a cell's sums."""
    return int(sums[_AT[name]])


def figures(sums: Numbers, names: Sequence[str] = FIGURES) -> Numbers:
    """The figures of cells, along the last axis."""
    return np.stack([_figure(sums, name) for name in names], axis=-1)


def named_figures(sums: Numbers) -> dict[str, int]:
    """The figures of one cell by their names."""
    return dict(zip(FIGURES, figures(sums).tolist(), strict=True))


def figure_rows(rows: Sequence[Numbers]) -> list[list[int]]:
    """The figures of several cells."""
    return cast("list[list[int]]", figures(np.stack(rows)).tolist()) if rows else []


def savings(nothing: int, cache: int, routing: int, actual: int) -> dict[str, int]:
    """What each saved of `nothing`; the other three are what was left to pay after it. In micro-USD."""
    return {
        "nothing_micro_usd": nothing,
        "cache_micro_usd": nothing - cache,
        "routing_micro_usd": cache - routing,
        "limits_micro_usd": routing - actual,
        "saved_micro_usd": nothing - actual,
        "micro_usd": actual,
    }


def savings_of(sums: Numbers) -> dict[str, int]:
    """The same of a cell."""
    names = ("nothing_micro_usd", "cache_micro_usd", "routing_micro_usd", "micro_usd")
    return savings(*(measure(sums, name) for name in names))


def _figure(sums: Numbers, name: str) -> Numbers:
    if name in _SAVED:
        before, after = _SAVED[name]
        return sums[..., _AT[before]] - sums[..., _AT[after]]
    return sums[..., _AT[name]]
