"""Panels side by side in one picture. Needs matplotlib."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, TypeVar

from app.errors import ConfigError

P = TypeVar("P")

COLUMNS = 4


def require_matplotlib() -> None:
    """Raises ConfigError where it is not installed."""
    try:
        import matplotlib  # noqa: F401, PLC0415 - an extra
    except ImportError as fault:
        raise ConfigError("matplotlib is missing: install leanserve[train]") from fault


def side_by_side(panels: Sequence[P], draw: Callable[[Any, P], None], width: float, height: float) -> Any:
    """A matplotlib Figure with each panel drawn into axes of its own, `width` by `height` inches, four in a row."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    columns, rows = min(COLUMNS, len(panels)), ceil(len(panels) / COLUMNS)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    places = list(figure.subplots(rows, columns, squeeze=False).flat)
    for place in places[len(panels) :]:
        place.set_axis_off()
    for place, panel in zip(places, panels, strict=False):
        draw(place, panel)
    return figure
