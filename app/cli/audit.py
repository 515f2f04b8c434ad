"""`leanserve audit`: the seven architectural sins, priced on the traffic that the ledger holds."""

import json
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.durations import Since, Until, window
from app.cli.options import HOME, Home
from app.cli.state import AsJson, RedisUrl, table, with_store

if TYPE_CHECKING:
    from app.audit.finding import Audit
    from app.store.client import Store

MOST = 1_000_000
"""Records, half a gigabyte of Redis: read in a minute. What is older than the ledger keeps is not there anyway."""


def audit(
    config: Annotated[
        Path, typer.Option(help="The Serve configuration: its tiers, prices and policy.", exists=True, dir_okay=False)
    ],
    tenant: Annotated[str, typer.Option(help="Whose traffic.")] = "default",
    since: Since = "7d",
    until: Until = "",
    most: Annotated[int, typer.Option(min=1, help="Records that are read at most.")] = MOST,
    as_json: AsJson = False,
    html: Annotated[Path | None, typer.Option(help="Write a page that needs nothing else.", dir_okay=False)] = None,
    redis_url: RedisUrl = None,
    home: Home = HOME,
) -> None:
    """What each architectural sin costs, how sure that is, which requests show it, and the change that ends it."""
    from app.config.load import load  # noqa: PLC0415

    file, during = load(config), window(since, until)

    def work(store: "Store") -> "Awaitable[Audit]":
        from app.audit.auditing import audited  # noqa: PLC0415
        from app.audit.terms import terms_of  # noqa: PLC0415
        from app.ledger.reading import LedgerReader  # noqa: PLC0415

        terms = terms_of(file.gateway.tiers, file.policy)
        return audited(LedgerReader(store), terms, tenant, during.since, during.until, most)

    _show(with_store(redis_url, home, file.gateway.store.prefix, work), as_json=as_json, html=html)


def _show(found: "Audit", *, as_json: bool, html: Path | None) -> None:
    from app.audit.page import html as page  # noqa: PLC0415
    from app.audit.told import HEAD, remarks, rows, summary, text, told  # noqa: PLC0415

    if html:
        html.write_text(page(found), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(told(found), indent=2))
        return
    typer.echo(summary(found))
    for remark in remarks(found):
        typer.echo(remark)
    if found.findings:
        table(list(HEAD), [list(row) for row in rows(found)])
    for line in text(found):
        typer.echo(line)
