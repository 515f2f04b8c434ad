"""An evaluation as a picture. Needs matplotlib."""

from typing import IO, Any

from app.cache.trial.evaluation import Evaluation
from app.cache.trial.panels import COLOURS, LEAST, Panel, panels
from app.trial.plot import side_by_side

DOTS = {"cosine": "s", "verifier": "o"}


def draw(found: Evaluation, out: IO[bytes]) -> None:
    """Write the PNG."""
    figure_of(found).savefig(out, dpi=110, format="png")


def figure_of(found: Evaluation) -> Any:
    """A matplotlib Figure; a notebook shows it."""
    return side_by_side(panels(found), _draw, 4.5, 3.5)


def _draw(place: Any, panel: Panel) -> None:
    for line in panel.lines:
        xs, ys = [spot.x for spot in line.spots], [spot.y for spot in line.spots]
        place.plot(xs, ys, drawstyle="steps-post", color=COLOURS[line.name], label=line.name)
    for name, spot in panel.marks:
        label = spot.told.partition(":")[0]
        place.plot([spot.x], [spot.y], DOTS[name], color=COLOURS[name], label=label, clip_on=False, zorder=3)
    place.set(title=panel.title, xlabel=panel.below, ylabel=panel.beside, ylim=(0, 1.02))
    if panel.rates:
        place.set(xscale="log", xlim=(LEAST, 1))
    else:
        place.axvline(panel.threshold, color=COLOURS["verifier"], linestyle=":", label="operating point")
        place.set(xlim=(0, 1))
    place.grid(alpha=0.3)
    place.legend(fontsize=8)
