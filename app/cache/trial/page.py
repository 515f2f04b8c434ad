"""An evaluation as one HTML page that needs nothing else: a table, and a panel of SVG for each category."""

from collections.abc import Callable, Iterable
from html import escape
from math import log10

from app.cache.trial.evaluation import Evaluation
from app.cache.trial.panels import COLOURS, LEAST, Line, Panel, Spot, panels
from app.cache.trial.table import head, legend, row

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP = 340, 260, 42, 12, 36, 8
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
RATES = ((0.001, "0.1%"), (0.01, "1%"), (0.1, "10%"), (1.0, "100%"))
Place = Callable[[float], float]
"""From a value to pixels."""

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Semantic cache: verifier against threshold</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222 }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd }}
th:first-child, td:first-child {{ text-align: left }}
tr:last-child {{ font-weight: 600 }}
.panels {{ display: flex; flex-wrap: wrap; gap: 1.5rem }}
figure {{ margin: 0 }}
svg text {{ font-size: 11px; fill: #444 }}
.key::before {{ content: "■ " }}
</style>
<h1>Semantic cache: verifier against threshold</h1>
<p>{legend}</p>
<table>{table}</table>
<h2>Curves</h2>
<p><span class="key" style="color:{verifier}">verifier</span> (● its operating point)
<span class="key" style="color:{cosine}">cosine</span> (■ 0.95). Point at a curve for its numbers.
The axis of false hits is logarithmic; what is below {least:.2%} stands at its left end. A category whose pairs all have
one label shows its one rate against the threshold.</p>
<div class="panels">{panels}</div>
</html>
"""


def page(found: Evaluation) -> str:
    """The whole HTML."""
    return PAGE.format(
        legend=escape(" ".join(legend(found))),
        table=_row("th", head()) + "".join(_row("td", row(part)) for part in found.every),
        panels="\n".join(map(_figure, panels(found))),
        least=LEAST,
        **COLOURS,
    )


def _row(tag: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>\n"


def _figure(panel: Panel) -> str:
    place = _log_x if panel.rates else _x
    marks = "".join(_mark(name, place(spot.x), _y(spot.y), spot) for name, spot in panel.marks)
    if not panel.rates:
        x, colour = _x(panel.threshold), COLOURS["verifier"]
        marks = f'<path d="M{x:.1f},{_y(0):.1f}V{_y(1):.1f}" stroke="{colour}" stroke-dasharray="3"/>'
    lines = "".join(_line(line, place) for line in panel.lines)
    return (
        f"<figure><figcaption>{escape(panel.title)}</figcaption>"
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img">{_axes(panel)}{lines}{marks}</svg></figure>'
    )


def _axes(panel: Panel) -> str:
    levels = "".join(
        f'<path d="M{LEFT},{_y(v):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        f'<text x="{LEFT - 6}" y="{_y(v) + 4:.1f}" text-anchor="end">{v:.0%}</text>'
        for v in LEVELS
    )
    ticks = [(_log_x(v), label) for v, label in RATES] if panel.rates else [(_x(v), f"{v:g}") for v in LEVELS]
    marks = "".join(
        f'<path d="M{x:.1f},{_y(0):.1f}V{_y(1):.1f}" stroke="#eee"/>'
        f'<text x="{x:.1f}" y="{_y(0) + 15:.1f}" text-anchor="middle">{label}</text>'
        for x, label in ticks
    )
    names = (
        f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{panel.below}</text>'
        f'<text x="{LEFT + 6}" y="{TOP + 12}">{panel.beside}</text>'
    )
    return levels + marks + names


def _line(line: Line, place: Place) -> str:
    """Steps, and at each measured spot an unseen dot that tells its numbers to the mouse."""
    first, *rest = line.spots
    steps = "".join(f"H{place(spot.x):.1f}V{_y(spot.y):.1f}" for spot in rest)
    dots = "".join(
        f'<circle cx="{place(spot.x):.1f}" cy="{_y(spot.y):.1f}" r="4" opacity="0"><title>{spot.told}</title></circle>'
        for spot in line.spots
        if spot.told
    )
    path = f"M{place(first.x):.1f},{_y(first.y):.1f}{steps}"
    return f'<path d="{path}" fill="none" stroke="{COLOURS[line.name]}" stroke-width="2"/>{dots}'


def _mark(name: str, x: float, y: float, spot: Spot) -> str:
    shape = f'circle cx="{x:.1f}" cy="{y:.1f}" r="5"'
    if name == "cosine":
        shape = f'rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"'
    return f'<{shape} fill="{COLOURS[name]}"><title>{spot.told}</title></{shape.split()[0]}>'


def _x(value: float) -> float:
    return LEFT + value * (WIDTH - RIGHT - LEFT)


def _log_x(rate: float) -> float:
    return _x(1 - log10(rate) / log10(LEAST))


def _y(value: float) -> float:
    return TOP + (1 - value) * (HEIGHT - TOP - BOTTOM)
