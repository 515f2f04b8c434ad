"""One HTML page that needs nothing else."""

from collections.abc import Iterable, Sequence
from html import escape

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
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
<h1>{title}</h1>
{body}
</html>
"""


def page(title: str, body: Iterable[str]) -> str:
    """The whole HTML; `body` is markup."""
    return PAGE.format(title=escape(title), body="\n".join(body))


def paragraph(lines: Iterable[str]) -> str:
    """Lines of text as one paragraph."""
    return f"<p>{escape(' '.join(lines))}</p>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells of text; the last row is set in bold."""
    return f"<table>{_row('th', head)}{''.join(_row('td', row) for row in rows)}</table>"


def key(name: str, colour: str) -> str:
    """A coloured word for a legend."""
    return f'<span class="key" style="color:{colour}">{escape(name)}</span>'


def panels(figures: Iterable[str]) -> str:
    """Figures side by side, as many as the window has room for."""
    return '<div class="panels">' + "\n".join(figures) + "</div>"


def _row(tag: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>\n"
