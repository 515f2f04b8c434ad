"""An audit as one HTML page that needs nothing else."""

from collections.abc import Iterator
from html import escape

from app.audit.change import as_yaml
from app.audit.finding import Audit, Finding
from app.audit.told import HEAD, places, remarks, rows, summary, usd
from app.trial.page import page, paragraph, table

STYLE = """<style>
section tr:last-child { font-weight: inherit }
pre { background: #f4f4f4; padding: .8rem; overflow-x: auto }
section { overflow-x: auto }
@media (prefers-color-scheme: dark) {
  body { background: #181818; color: #ddd }
  th, td { border-color: #444 }
  pre { background: #262626 }
}
</style>"""


def html(audit: Audit) -> str:
    """The whole page. Names that clients chose are text in it, never markup."""
    return page("LeanServe audit", _body(audit))


def _body(audit: Audit) -> Iterator[str]:
    yield STYLE
    yield paragraph([summary(audit)])
    yield from (paragraph([remark]) for remark in remarks(audit))
    if audit.findings:
        yield table(HEAD, rows(audit))
    for finding in audit.findings:
        yield from _section(finding)


def _section(finding: Finding) -> Iterator[str]:
    yield f"<section><h2>{escape(finding.title)}: {usd(finding.micro_usd)} USD</h2>"
    yield paragraph(["Counted:", finding.rule])
    yield paragraph(["Assumed:", finding.assumed])
    head, *found = places(finding)
    yield table(head, found)
    for name, part in (("policy", finding.change.policy), ("application's args", finding.change.args)):
        if part:
            yield paragraph([f"Change of the {name}:"])
            yield f"<pre>{escape(as_yaml(part))}</pre>"
    if finding.change.advice:
        yield paragraph(["In the app:", finding.change.advice])
    yield "</section>"
