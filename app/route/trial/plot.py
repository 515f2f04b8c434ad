"""An evaluation as a picture. Needs matplotlib."""

from typing import IO, Any

from app.route.trial.evaluation import Evaluation
from app.route.trial.panels import ALWAYS, COLOURS, DASHED, ORACLE, POLICY, Panel, panels
from app.trial.plot import side_by_side

MOST = 64
"""Panels of one picture; the page has them all."""
DOTS = {ALWAYS: "s", ORACLE: "*", POLICY: "o"}


def draw(found: Evaluation, out: IO[bytes]) -> None:
    """Write the PNG."""
    figure_of(found).savefig(out, dpi=110, format="png")


def figure_of(found: Evaluation) -> Any:
    """A matplotlib Figure; a notebook shows it."""
    return side_by_side(panels(found)[:MOST], _draw, 5.5, 4.2)


def _draw(place: Any, panel: Panel) -> None:
    for line in panel.lines:
        xs, ys = [point.cost for point in line.points], [point.quality for point in line.points]
        place.plot(xs, ys, "--" if line.name in DASHED else "-", color=COLOURS[line.name], label=line.name)
    for mark in panel.marks:
        where, colour = (mark.point.cost, mark.point.quality), COLOURS[mark.name]
        label = None if mark.name == ALWAYS else mark.label
        place.plot(*where, DOTS[mark.name], color=colour, label=label, clip_on=False, zorder=3)
        if mark.name == ALWAYS:
            place.annotate(mark.label, where, (5, -9), textcoords="offset points", fontsize=7, color=colour)
    place.set(title=panel.title, xlabel="cost, as a share of always-best's", ylabel="quality")
    place.set(xlim=(0, panel.most), ylim=(panel.low, panel.high))
    place.grid(alpha=0.3)
    place.legend(fontsize=8)
