"""An evaluation as one HTML page that needs nothing else: a table, and a panel of SVG for each category."""

from collections.abc import Callable
from math import log10

from app.cache.trial.evaluation import Evaluation
from app.cache.trial.panels import COLOURS, LEAST, Line, Panel, Spot, panels
from app.cache.trial.table import head, legend, row
from app.trial import page as html
from app.trial import svg

RATES = ((0.001, "0.1%"), (0.01, "1%"), (0.1, "10%"), (1.0, "100%"))
FRAME = svg.Frame()
Place = Callable[[float], float]
"""From a value to pixels."""

CURVES = """\
<h2>Curves</h2>
<p>{verifier} (● its operating point)
{cosine} (■ 0.95). Point at a curve for its numbers.
The axis of false hits is logarithmic; what is below {least:.2%} stands at its left end. A category whose pairs all have
one label shows its one rate against the threshold.</p>"""


def page(found: Evaluation) -> str:
    """The whole HTML."""
    keys = {name: html.key(name, colour) for name, colour in COLOURS.items()}
    return html.page(
        "Semantic cache: verifier against threshold",
        [
            html.paragraph(legend(found)),
            html.table(head(), map(row, found.every)),
            CURVES.format(least=LEAST, **keys),
            html.panels(map(_figure, panels(found))),
        ],
    )


def _figure(panel: Panel) -> str:
    place = _log_x if panel.rates else FRAME.x
    marks = [_mark(name, place(spot.x), FRAME.y(spot.y), spot) for name, spot in panel.marks]
    if not panel.rates:
        d = f"M{FRAME.x(panel.threshold):.1f},{FRAME.y(0):.1f}V{FRAME.y(1):.1f}"
        marks = [svg.path(d, COLOURS["verifier"], dashed=True)]
    return svg.figure(panel.title, [_axes(panel), *(_line(line, place) for line in panel.lines), *marks])


def _axes(panel: Panel) -> str:
    ticks = [(_log_x(v), label) for v, label in RATES] if panel.rates else [(FRAME.x(v), f"{v:g}") for v in svg.LEVELS]
    return FRAME.axes(ticks, panel.below, panel.beside)


def _line(line: Line, place: Place) -> str:
    """Steps, and at each measured spot an unseen dot that tells its numbers to the mouse."""
    first, *rest = line.spots
    steps = "".join(f"H{place(spot.x):.1f}V{FRAME.y(spot.y):.1f}" for spot in rest)
    dots = "".join(svg.told(place(spot.x), FRAME.y(spot.y), spot.told) for spot in line.spots if spot.told)
    return svg.path(f"M{place(first.x):.1f},{FRAME.y(first.y):.1f}{steps}", COLOURS[line.name]) + dots


def _mark(name: str, x: float, y: float, spot: Spot) -> str:
    return (svg.square if name == "cosine" else svg.dot)(x, y, COLOURS[name], spot.told)


def _log_x(rate: float) -> float:
    return FRAME.x(1 - log10(rate) / log10(LEAST))
