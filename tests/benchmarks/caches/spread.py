"""Percentiles, and curves drawn on to sizes that nobody waits for."""

from collections.abc import Sequence

import numpy as np


def percentile(values: Sequence[float], share: float) -> float:
    """By linear interpolation."""
    return float(np.percentile(values, share))


def p50_p99(seconds: Sequence[float]) -> str:
    """`1.2 / 3.4 ms`."""
    return f"{percentile(seconds, 50) * 1e3:.1f} / {percentile(seconds, 99) * 1e3:.1f} ms"


def drawn_on(sizes: Sequence[int], values: Sequence[float], size: int) -> float:
    """The value at `size` of the least-squares line in ln(size): the search in an HNSW graph grows so.

    (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search …", 2018, section 4.2.)
    """
    if len(sizes) < 2:
        return values[-1]
    slope, base = np.polyfit(np.log(sizes), values, 1)
    return float(base + slope * np.log(size))
