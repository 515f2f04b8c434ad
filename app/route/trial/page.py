"""An evaluation as one HTML page that needs nothing else: two tables, and a panel of SVG for each domain."""

from app.route.trial.evaluation import Evaluation, Point
from app.route.trial.panels import ALWAYS, COLOURS, DASHED, Line, Mark, Panel, panels, told
from app.route.trial.table import CHANCE_HEAD, CHANCE_LEGEND, chance, decided, decided_head, decided_legend
from app.trial import page as html
from app.trial import svg

CURVES = """\
<h2>Curves</h2>
<p>{keys}. Mean quality against mean cost. Point at a mark, or at the router's curve, for its numbers. Where the
router's curve is above the dashed ones, it knows something of the prompts.</p>"""


def page(found: Evaluation) -> str:
    """The whole HTML."""
    keys = " ".join(html.key(name, colour) for name, colour in COLOURS.items())
    return html.page(
        "Complexity router: cost against quality",
        [
            html.paragraph(decided_legend(found)),
            html.table(decided_head(found.tiers), map(decided, found.every)),
            "<h2>Beside chance</h2>",
            html.paragraph(CHANCE_LEGEND),
            html.table(CHANCE_HEAD, map(chance, found.every)),
            CURVES.format(keys=keys),
            html.panels(map(_figure, panels(found))),
        ],
    )


def _figure(panel: Panel) -> str:
    frame = svg.Frame(panel.low, panel.high)
    ticks = [(frame.x(level), f"{level * panel.most:.0%}") for level in svg.LEVELS]
    axes = frame.axes(ticks, "cost, as a share of always-best's", "quality", digits=1)
    lines = [_line(line, panel, frame) for line in panel.lines]
    return svg.figure(panel.title, [axes, *lines, *(_mark(mark, panel, frame) for mark in panel.marks)])


def _line(line: Line, panel: Panel, frame: svg.Frame) -> str:
    """Straight from point to point; the router's tell their numbers."""
    places = [_place(point, panel, frame) for point in line.points]
    d = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashed = line.name in DASHED
    named = zip(places, line.points, strict=True)
    dots = "" if dashed else "".join(svg.told(x, y, told(line.name, point)) for (x, y), point in named)
    return svg.path(d, COLOURS[line.name], dashed=dashed) + dots


def _mark(mark: Mark, panel: Panel, frame: svg.Frame) -> str:
    x, y = _place(mark.point, panel, frame)
    return (svg.square if mark.name == ALWAYS else svg.dot)(x, y, COLOURS[mark.name], told(mark.label, mark.point))


def _place(point: Point, panel: Panel, frame: svg.Frame) -> tuple[float, float]:
    return frame.x(point.cost / panel.most), frame.y(point.quality)
